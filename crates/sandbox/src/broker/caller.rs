//! Who asks for files of the host.

/// A user with groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) groups: Vec<u32>,
}

impl Caller {
    /// The user behind `sudo`, else root. The broker was started by root, and inherits the variables from it: the
    /// daemon, who talks to it later, has no word in this.
    pub(super) fn of_environment() -> Self {
        let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
        let (uid, gid) = number("SUDO_UID").zip(number("SUDO_GID")).unwrap_or((0, 0));
        Self { uid, gid, groups: crate::system::groups_of(uid, gid) }
    }
}
