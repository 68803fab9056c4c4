//! User namespaces: made to map a mount's ids, and the maps of those that processes live in.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, WaitOptions};
use rustix::thread::UnshareFlags;

use crate::system;

/// One line of `uid_map`, for users and groups alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// The first id inside. For an idmapped mount: as it is on the disk.
    pub(crate) inside: u32,
    /// The first id outside. For an idmapped mount: as processes see it.
    pub(crate) outside: u32,
    /// How many.
    pub(crate) count: u32,
}

/// Makes a user namespace that nobody lives in, for `MOUNT_ATTR_IDMAP`. Users and groups may be mapped apart.
pub(crate) fn make(users: Mapping, groups: Mapping) -> io::Result<OwnedFd> {
    let (ready_read, ready_write) = pipe_with(PipeFlags::CLOEXEC)?;
    let (done_read, done_write) = pipe_with(PipeFlags::CLOEXEC)?;
    let child = {
        let (ready, done) = (ready_write.as_fd(), done_read.as_fd());
        system::fork(|| {
            // Should the parent be killed meanwhile, nobody writes that byte.
            let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
            let left = system::unshare(UnshareFlags::NEWUSER).is_ok();
            let told = left && rustix::io::write(ready, b"1").is_ok();
            // The parent writes one byte when it has opened the namespace.
            let mut byte = [0];
            u8::from(!(told && rustix::io::read(done, &mut byte).is_ok()))
        })?
    };
    drop((ready_write, done_read));
    let namespace = (|| {
        let mut byte = [0];
        if rustix::io::read(&ready_read, &mut byte)? == 0 {
            return Err(io::Error::other("the kernel lets no user namespace be made"));
        }
        write_maps(child, users, groups)?;
        let path = format!("/proc/{}/ns/user", child.as_raw_nonzero());
        Ok(rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)
    })();
    // Either way the child ends now: by the byte, or, should that fail, by this signal.
    if rustix::io::write(&done_write, b"1").is_err() {
        let _ = system::kill(child, libc::SIGKILL);
    }
    rustix::process::waitpid(Some(child), WaitOptions::empty())?;
    namespace
}

/// Writes the maps of the user namespace that `process` has just made.
pub(crate) fn write_maps(process: Pid, users: Mapping, groups: Mapping) -> io::Result<()> {
    let process = process.as_raw_nonzero();
    for (kind, Mapping { inside, outside, count }) in [("gid", groups), ("uid", users)] {
        fs::write(format!("/proc/{process}/{kind}_map"), format!("{inside} {outside} {count}\n"))?;
    }
    Ok(())
}
