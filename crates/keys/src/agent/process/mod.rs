//! What the system tells of other processes: who is at the other end of a socket, what a process runs, and where it can be
//! asked.
//!
//! On Linux from the socket and `/proc`. On macOS, which has no `/proc`, from the socket and `ps`; that has been compiled and
//! what reads `ps` is tested, but it has not been run.

use std::path::PathBuf;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod macos;
#[cfg(any(test, not(target_os = "linux")))]
mod ps;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
use macos as system;

pub(super) use system::{has_gone, peer};

/// Who is at the other end of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    /// The user.
    pub(super) user: u32,
    /// The process that connected, where the system tells it.
    pub(super) process: Option<u32>,
}

impl Peer {
    /// Whether it runs as this process' own user.
    pub(super) fn is_own_user(self) -> bool {
        self.user == rustix::process::geteuid().as_raw()
    }
}

/// A process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Process {
    /// What it is called: its program's name, as the system cuts it.
    pub(super) name: String,
    /// The file that it runs, where the system shows it.
    pub(super) program: Option<PathBuf>,
    /// What started it.
    pub(super) parent: u32,
}

impl Process {
    /// What the system tells of a process; none where there is none.
    pub(super) fn of(number: u32) -> Option<Self> {
        system::process(number)
    }

    /// Whether a process runs this very program. Any can take another's name.
    pub(super) fn is_this_program(number: u32) -> bool {
        system::is_this_program(number)
    }

    /// The device of the terminal that a process belongs to (as in `st_rdev`).
    pub(super) fn terminal(number: u32) -> Option<u64> {
        system::terminal(number)
    }

    /// The file of that terminal.
    pub(super) fn terminal_file(number: u32) -> Option<String> {
        system::terminal_file(number)
    }
}
