//! Who may do what.
//!
//! Every handler asks [`may`] with the caller, the action and the resource, from the first day; on a fresh loopback
//! server the answer is yes.

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Somebody on this machine's loopback, not further known.
    Loopback,
    /// A user of this machine, by uid.
    LocalUser(u32),
    /// Somebody from elsewhere who said no name.
    Anonymous,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read manifests and blobs.
    Pull,
    /// Write manifests and blobs.
    Push,
    /// Delete them.
    Delete,
    /// See repositories, tags and findings.
    View,
    /// Run a container.
    Run,
}

/// What it is asked of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// One repository.
    Repository(String),
    /// The list of all.
    Everything,
}

/// The answer, with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allow,
    /// No, because.
    Deny(String),
}

/// May `caller` do `action` to `resource`?
pub fn may(_caller: &Caller, _action: Action, _resource: &Resource) -> Decision {
    Decision::Allow
}
