//! Giving up root, and what this process keeps from whoever may take it over.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(target_os = "linux")]
mod linux;

use anyhow::{Context as _, Result};

#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{become_user, give_up_capabilities, keep_reading, no_core_files};
#[cfg(target_os = "linux")]
pub(crate) use linux::{become_user, give_up_capabilities, keep_reading, no_core_files};

/// A user by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct User {
    /// uid.
    pub(crate) uid: u32,
    /// Its own group.
    pub(crate) gid: u32,
}

impl User {
    /// Looks a user up by name in the system's databases.
    pub(crate) fn named(name: &str) -> Result<Option<Self>> {
        let user = nix::unistd::User::from_name(name).with_context(|| format!("cannot look up user {name}"))?;
        Ok(user.map(|user| Self { uid: user.uid.as_raw(), gid: user.gid.as_raw() }))
    }
}
