//! From `/proc` (proc(5)) and the socket (unix(7), `SO_PEERCRED`).

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::socket_peercred;

use super::{Peer, Process};

pub(in super::super) fn peer(stream: &UnixStream) -> io::Result<Peer> {
    let told = socket_peercred(stream)?;
    Ok(Peer { user: told.uid.as_raw(), process: u32::try_from(told.pid.as_raw_nonzero().get()).ok() })
}

/// Whether the other side has closed the connection, or its half of it: whoever says nothing more waits for nothing.
pub(in super::super) fn has_gone(stream: &UnixStream) -> bool {
    let mut watched = [PollFd::new(stream, PollFlags::RDHUP)];
    match poll(&mut watched, Some(&Timespec::default())) {
        Ok(_) => watched[0].revents().intersects(PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR),
        Err(_) => false,
    }
}

pub(super) fn process(number: u32) -> Option<Process> {
    let name = fs::read_to_string(format!("/proc/{number}/comm")).ok()?.trim_end().to_owned();
    let program = fs::read_link(format!("/proc/{number}/exe")).ok();
    let program = program.map(|path| PathBuf::from(path.to_string_lossy().trim_end_matches(" (deleted)")));
    Some(Process { name, program, parent: status_field(number, 1)?.parse().ok()? })
}

pub(super) fn is_this_program(number: u32) -> bool {
    let file = |process: &str| fs::metadata(format!("/proc/{process}/exe")).ok();
    let same = |(own, other): (fs::Metadata, fs::Metadata)| own.dev() == other.dev() && own.ino() == other.ino();
    file("self").zip(file(&number.to_string())).is_some_and(same)
}

pub(super) fn terminal(number: u32) -> Option<u64> {
    controlling(number).map(|(major, minor)| rustix::fs::makedev(major, minor))
}

pub(super) fn terminal_file(number: u32) -> Option<String> {
    // The kernel's list of devices: pseudo-terminals have 136 and up, consoles 4.
    match controlling(number)? {
        (major @ 136..=143, minor) => Some(format!("/dev/pts/{}", (major - 136) * 256 + minor)),
        (4, minor @ 0..=63) => Some(format!("/dev/tty{minor}")),
        (4, minor) => Some(format!("/dev/ttyS{}", minor - 64)),
        _ => None,
    }
}

/// The numbers of the terminal that a process belongs to (tty_nr: the minor number in bits 31-20 and 7-0, the major in bits
/// 15-8).
fn controlling(number: u32) -> Option<(u32, u32)> {
    let terminal: u32 = status_field(number, 4)?.parse().ok()?;
    (terminal != 0).then_some(((terminal >> 8) & 0xfff, (terminal & 0xff) | ((terminal >> 12) & 0xf_ff00)))
}

/// A field of `/proc/PID/stat`, counted from the one after the name (the state is 0), which may hold anything.
fn status_field(number: u32, place: usize) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    rest.split_whitespace().nth(place).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_told_its_name_its_program_and_its_parent() {
        let own = process(std::process::id()).unwrap();
        assert_eq!(own.program, std::env::current_exe().ok());
        assert_eq!(own.parent, std::os::unix::process::parent_id());
        assert!(is_this_program(std::process::id()) && !is_this_program(own.parent));
        assert_eq!(process(u32::MAX), None);
    }

    #[test]
    fn both_ends_of_a_socket_are_this_process_until_one_has_gone() {
        let (one, other) = UnixStream::pair().unwrap();
        let told = peer(&one).unwrap();
        assert!(told.is_own_user() && told.process == Some(std::process::id()), "{told:?}");
        assert!(!has_gone(&one));
        drop(other);
        assert!(has_gone(&one));
    }
}
