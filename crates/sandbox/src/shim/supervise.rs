//! A container that is made: starting it, what the daemon asks of it, its end.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, WaitOptions, WaitStatus};
use rustix::termios::{Winsize, tcsetwinsize};
use sandbox::protocol::{ShimAnswer, ShimRequest};
use sandbox::{Exit, TerminalSize};

use super::create::Created;
use super::{Failure, Job, executor};
use crate::system;

/// Does what the daemon asks until the container's process has ended. A daemon that has gone ends it.
pub(super) fn supervise(job: &Job, mut created: Created) -> Result<Exit, Failure> {
    let mut started = false;
    let mut daemon_is_there = true;
    loop {
        let (asked, ended) = wait(job, &created, daemon_is_there)?;
        if ended {
            let exit = reap(created.pid)?;
            return if started { Ok(exit) } else { Err(Failure::of("start the container", "its process has ended")) };
        }
        if !asked {
            continue;
        }
        match job.daemon.receive::<ShimRequest>() {
            Ok((ShimRequest::Start, _)) if !started => {
                start(&mut created)?;
                started = true;
                // A daemon that goes just now is seen by the next wait.
                let _ = job.daemon.send(&ShimAnswer::Started, &[]);
            }
            Ok((ShimRequest::Signal(signal), _)) if started && (1..=64).contains(&signal) => {
                // Not reaped yet, so the number is still its own.
                let _ = system::kill(created.pid, signal);
            }
            Ok((ShimRequest::Resize(size), _)) => {
                if let Some(terminal) = &created.terminal {
                    resize(terminal, size);
                }
            }
            // Started twice, signalled before its start, or by no signal: nothing to do, and no harm.
            Ok((ShimRequest::Start | ShimRequest::Signal(_), _)) => {}
            // Gone, or talking nonsense: nobody is there to whom this container belongs.
            Err(_) => {
                daemon_is_there = false;
                let _ = system::kill(created.pid, libc::SIGKILL);
            }
        }
    }
}

/// Lets the process go and waits until its program runs.
fn start(created: &mut Created) -> Result<(), Failure> {
    created.container.start().map_err(|error| Failure::of("start the container", error))?;
    let reason = read_all(&mut created.failure);
    if reason.is_empty() {
        return Ok(());
    }
    reap(created.pid)?;
    Err(Failure { code: executor::code_of(&reason).unwrap_or(125), reason })
}

fn read_all(pipe: &mut File) -> String {
    let mut bytes = Vec::new();
    // Cut short, a reason is still one.
    let _ = pipe.take(16 << 10).read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Waits until the daemon says something or the process has ended; which of the two.
fn wait(job: &Job, created: &Created, daemon_is_there: bool) -> Result<(bool, bool), Failure> {
    let mut watched = vec![PollFd::new(&created.ended, PollFlags::IN)];
    if daemon_is_there {
        watched.push(PollFd::new(&job.daemon, PollFlags::IN));
    }
    loop {
        match poll(&mut watched, None) {
            Ok(_) => {
                let ready = |at: usize| watched.get(at).is_some_and(|watched| !watched.revents().is_empty());
                return Ok((ready(1), ready(0)));
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Failure::of("wait for the container", error)),
        }
    }
}

fn reap(pid: Pid) -> Result<Exit, Failure> {
    let status = rustix::process::waitpid(Some(pid), WaitOptions::empty());
    let status = status.map_err(|error| Failure::of("wait for the container's process", error))?;
    let ended = |status: WaitStatus| {
        let code = status.exit_status().map(|code| Exit::Code(code.to_le_bytes()[0]));
        code.or_else(|| status.terminating_signal().map(|signal| Exit::Signal(signal.to_le_bytes()[0])))
    };
    status
        .and_then(|(_, status)| ended(status))
        .ok_or_else(|| Failure::of("wait for the container's process", "it has not ended"))
}

/// Tells a terminal its size; the kernel tells the programs on it (SIGWINCH).
pub(super) fn resize(terminal: &OwnedFd, size: TerminalSize) {
    let size = Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
    // Of no harm to anything but what the screen looks like.
    let _ = tcsetwinsize(terminal, size);
}
