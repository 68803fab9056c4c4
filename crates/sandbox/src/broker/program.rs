//! This program itself, copied into memory that nobody can change.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Command, Stdio};

use rustix::fs::{MemfdFlags, SealFlags, memfd_create};
use sandbox::channel::Channel;

/// A sealed copy. Shims are started from it: what a container reaches through `/proc/PID/exe` is never a file of
/// the host that it could overwrite (CVE-2019-5736).
#[derive(Debug)]
pub(super) struct Program(OwnedFd);

impl Program {
    pub(super) fn seal() -> io::Result<Self> {
        let mut copy = File::from(memfd_create("plimsoll-sandbox", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
        io::copy(&mut File::open("/proc/self/exe")?, &mut copy)?;
        rustix::fs::fcntl_add_seals(&copy, SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        Ok(Self(copy.into()))
    }

    /// Starts a part of it with one end of a channel as its stdin, and nothing else of ours.
    pub(super) fn start(&self, part: &str, channel: Channel) -> io::Result<std::process::Child> {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(format!("/proc/self/fd/{}", self.0.as_raw_fd()));
        command.arg0("plimsoll-sandbox").arg(part).env_clear().current_dir("/");
        if let Some(filter) = std::env::var_os("PLIMSOLL_LOG") {
            command.env("PLIMSOLL_LOG", filter);
        }
        command.stdin(Stdio::from(OwnedFd::from(channel))).stdout(Stdio::null()).spawn()
    }
}
