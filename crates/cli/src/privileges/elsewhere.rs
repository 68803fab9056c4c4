//! macOS, where one program cannot be kept from taking root again: what would have to give it up is not done as root.

use anyhow::{Result, bail};
use nix::sys::resource::{Resource, setrlimit};

use super::User;

const AS_ONESELF: &str = "root cannot be given up for good on this system; run it as yourself, without sudo";

/// Refuses.
pub(crate) fn become_user(_: User) -> Result<()> {
    bail!(AS_ONESELF)
}

/// Refuses.
pub(crate) fn give_up_capabilities() -> Result<()> {
    bail!(AS_ONESELF)
}

/// Refuses.
pub(crate) fn keep_reading() -> Result<()> {
    bail!(AS_ONESELF)
}

/// Keeps keys and credentials out of core files. Other processes of the same user are kept out by the system (task ports are
/// for debuggers that it has let).
pub(crate) fn no_core_files() {
    // It only ever tightens; where it is refused there is nothing to undo.
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
}
