//! From `ps` and the socket (getpeereid(3), unix(4) `LOCAL_PEERPID`).

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::process::Command;

use nix::sys::socket::{getsockopt, sockopt::LocalPeerPid};
use rustix::net::RecvFlags;

use super::{Peer, Process, ps};

pub(in super::super) fn peer(stream: &UnixStream) -> io::Result<Peer> {
    let (user, _) = nix::unistd::getpeereid(stream)?;
    let process = getsockopt(stream, LocalPeerPid).ok().and_then(|number| u32::try_from(number).ok());
    Ok(Peer { user: user.as_raw(), process })
}

/// Whether the other side has closed the connection, or its half of it. Nobody sends a second request before the first is
/// answered, so that what can be read is the end.
pub(in super::super) fn has_gone(stream: &UnixStream) -> bool {
    match rustix::net::recv(stream, &mut [0_u8; 1], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
        Ok((_, length)) => length == 0,
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => false,
        Err(_) => true,
    }
}

pub(super) fn process(number: u32) -> Option<Process> {
    ps::read(&told(number)?).map(|line| line.process)
}

pub(super) fn is_this_program(number: u32) -> bool {
    let file = |path| fs::metadata(path).ok();
    let other = process(number).and_then(|process| process.program);
    let same = |(own, other): (fs::Metadata, fs::Metadata)| own.dev() == other.dev() && own.ino() == other.ino();
    std::env::current_exe().ok().and_then(file).zip(other.and_then(file)).is_some_and(same)
}

pub(super) fn terminal(number: u32) -> Option<u64> {
    fs::metadata(terminal_file(number)?).ok().map(|terminal| terminal.rdev())
}

pub(super) fn terminal_file(number: u32) -> Option<String> {
    ps::read(&told(number)?)?.terminal
}

fn told(number: u32) -> Option<String> {
    let output = Command::new("/bin/ps").args(ps::ARGUMENTS).arg(number.to_string()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
