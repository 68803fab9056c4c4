//! By capabilities and prctl(2).

use anyhow::{Context as _, Result, bail};
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::{Gid, Uid};
use rustix::thread::{CapabilitySet, CapabilitySets};

use super::User;

/// Becomes `user` with no other groups and no way back: real, effective and saved ids all change, and with them
/// every capability goes (capabilities(7), "Effect of user ID changes on capabilities").
pub(crate) fn become_user(user: User) -> Result<()> {
    let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
    nix::unistd::setgroups(&[gid]).context("cannot give up the groups of root")?;
    nix::unistd::setresgid(gid, gid, gid).context("cannot give up the group of root")?;
    nix::unistd::setresuid(uid, uid, uid).context("cannot give up root")?;
    if user.uid != 0 && nix::unistd::setuid(Uid::from_raw(0)).is_ok() {
        bail!("gave up root and could take it back; this is not safe to go on with");
    }
    // A program that is executed from here on cannot gain what was given up.
    rustix::thread::set_no_new_privs(true).context("cannot set no-new-privileges")?;
    Ok(())
}

/// Stays root by number and gives up every capability: what is left is what any user may do to the files it owns.
/// For the machine that has nobody else to be, such as a CI container.
pub(crate) fn give_up_capabilities() -> Result<()> {
    // No-new-privileges first: without it the next program that root executes would have them all again.
    rustix::thread::set_no_new_privs(true).context("cannot set no-new-privileges")?;
    let none = CapabilitySet::empty();
    let none = CapabilitySets { effective: none, permitted: none, inheritable: none };
    rustix::thread::set_capabilities(None, none).context("cannot give up the capabilities of root")
}

/// Gives up every capability but the one to read and search what belongs to others (capabilities(7), `CAP_DAC_READ_SEARCH`).
pub(crate) fn keep_reading() -> Result<()> {
    rustix::thread::set_no_new_privs(true).context("cannot set no-new-privileges")?;
    let held = rustix::thread::capabilities(None).context("cannot tell which capabilities are held")?;
    // A container may not have it to begin with; then what root owns is all that can be opened.
    let kept = held.permitted & CapabilitySet::DAC_READ_SEARCH;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() };
    rustix::thread::set_capabilities(None, sets).context("cannot give up the capabilities of root")
}

/// Keeps keys and credentials out of core files and from other processes of the same user (prctl(2), PR_SET_DUMPABLE).
pub(crate) fn no_core_files() {
    // Both only ever tighten; where a sandbox refuses them there is nothing to undo.
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}
