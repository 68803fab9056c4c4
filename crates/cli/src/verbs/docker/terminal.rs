//! The terminal, taken over for a signature and given back.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use nix::sys::signal::{SigSet, Signal as Blocked};
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, WaitOptions, getpgrp, kill_process, setpgid, waitpid};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetpgrp, tcsetattr, tcsetpgrp};

/// Longest answer of a program that is run for what it says.
const MOST_BYTES: u64 = 1 << 20;

/// The terminal of a command in the foreground, whose Ctrl-C is now for this process and the programs that it runs.
///
/// Docker kills a hook as soon as Ctrl-C reaches docker. So the hook leaves docker's process group and puts its own
/// into the foreground, as a shell does for each command.
#[derive(Debug)]
pub(crate) struct Foreground {
    tty: File,
    before: Option<Termios>,
    /// Docker's process group.
    docker: Pid,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With this exit code.
    Code(i32),
    /// By a signal: Ctrl-C, most likely.
    Signal,
}

impl Foreground {
    /// `None` where there is no terminal, or where docker runs in its background (`docker push … &`): the terminal belongs
    /// to somebody else then.
    pub(crate) fn take() -> Option<Self> {
        let flags = (OFlags::NOCTTY | OFlags::CLOEXEC).bits().cast_signed();
        let tty = File::options().read(true).write(true).custom_flags(flags).open("/dev/tty").ok()?;
        let docker = getpgrp();
        if !isatty(&tty) || tcgetpgrp(&tty).ok()? != docker {
            return None;
        }
        // The hook itself outlives Ctrl-C, to say what became of the push, and may write to the terminal and change it
        // while it changes hands. What it starts gets an empty mask.
        let mut kept: SigSet = [Blocked::SIGINT, Blocked::SIGQUIT, Blocked::SIGTSTP].into_iter().collect();
        kept.add(Blocked::SIGTTOU);
        kept.add(Blocked::SIGTTIN);
        kept.thread_block().ok()?;
        let before = tcgetattr(&tty).ok();
        setpgid(None, None).ok()?;
        tcsetpgrp(&tty, getpgrp()).ok()?;
        Some(Self { tty, before, docker })
    }

    /// Says something.
    pub(crate) fn say(&self, text: &str) {
        // A terminal that has gone is noticed by whoever asks there.
        let _ = (&self.tty).write_all(format!("{}\n", crate::output::plain(text)).as_bytes());
    }

    /// Runs a program at the terminal.
    pub(crate) fn run(&self, mut command: Command) -> Result<Ended> {
        let terminal = || self.tty.try_clone().map(Stdio::from).context("cannot use the terminal");
        command.stdin(terminal()?).stdout(terminal()?).stderr(terminal()?);
        let child = command.spawn().context("cannot start plimsoll")?;
        wait(child.id())
    }

    /// Runs a program for what it says; its errors are said at the terminal.
    pub(crate) fn ask(&self, mut command: Command) -> Result<(Ended, Vec<u8>)> {
        let errors = self.tty.try_clone().context("cannot use the terminal")?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().context("cannot start plimsoll")?;
        let output = child.stdout.take();
        let reading = std::thread::spawn(move || {
            let mut said = Vec::new();
            // What breaks off is noticed when it is parsed.
            let _ = output.map(|output| output.take(MOST_BYTES).read_to_end(&mut said));
            said
        });
        let ended = wait(child.id())?;
        Ok((ended, reading.join().unwrap_or_default()))
    }
}

/// Waits for a program. One that Ctrl-Z stopped goes on: docker waits for its hook and could not be stopped with it.
fn wait(id: u32) -> Result<Ended> {
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw).context("cannot wait for plimsoll")?;
    loop {
        match waitpid(Some(pid), WaitOptions::UNTRACED) {
            Ok(Some((_, status))) if status.stopped() => {
                let _ = kill_process(pid, Signal::CONT);
            }
            Ok(Some((_, status))) => return Ok(status.exit_status().map_or(Ended::Signal, Ended::Code)),
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).context("cannot wait for plimsoll"),
        }
    }
}

impl Drop for Foreground {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(&self.tty, OptionalActions::Drain, before);
        }
        let _ = tcsetpgrp(&self.tty, self.docker);
    }
}
