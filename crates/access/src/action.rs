//! What is asked for.

use std::fmt;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

/// The verb as it stands in a refusal ("may not push to …").
impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Pull => "pull from",
            Self::Push => "push to",
            Self::Delete => "delete from",
            Self::View => "view",
            Self::Run => "run containers from",
        })
    }
}
