//! The program in a home of its own.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

/// Seconds after which nothing is waited for any more, so that a test that would wait for ever fails.
const PATIENCE: &str = "300";

pub(crate) struct Home {
    folder: tempfile::TempDir,
}

/// What a run left behind.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        self.run_with(arguments, &[])
    }

    /// Runs it in the home, without a terminal, and with nothing in the environment but the way and `variables`.
    pub(crate) fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
        // A session of its own has no terminal to ask at.
        let mut command = self.command("setsid");
        command.args(["-w", "timeout", PATIENCE]).arg(env!("CARGO_BIN_EXE_plimsoll"));
        command.args(arguments).envs(variables.iter().copied());
        command.stdin(Stdio::null()).output().unwrap().into()
    }

    /// Runs a line of shell in the home, without a terminal; `$0` is the program.
    pub(crate) fn run_by_shell(&self, line: &str, variables: &[(&str, &str)]) -> Ended {
        let mut command = self.command("setsid");
        command.args(["-w", "sh", "-c", line, env!("CARGO_BIN_EXE_plimsoll")]).envs(variables.iter().copied());
        command.stdin(Stdio::null()).output().unwrap().into()
    }

    /// Runs it without root's right to read and enter everything, so that a mode says what it says for others.
    pub(crate) fn run_bound_by_modes(&self, arguments: &[&str]) -> Ended {
        let mut command = self.command("setpriv");
        if rustix::process::geteuid().is_root() {
            command.arg("--bounding-set=-dac_override,-dac_read_search");
        }
        command.arg(env!("CARGO_BIN_EXE_plimsoll")).args(arguments);
        command.stdin(Stdio::null()).output().unwrap().into()
    }

    /// Runs it on a terminal of its own and types each line when its prompt has shown and the terminal shows no more of
    /// what is typed.
    pub(crate) fn type_into(&self, arguments: &[&str], lines: &[(&str, &str)]) -> Ended {
        self.type_into_with(arguments, lines, &[])
    }

    /// The same with more in the environment.
    pub(crate) fn type_into_with(
        &self,
        arguments: &[&str],
        lines: &[(&str, &str)],
        variables: &[(&str, &str)],
    ) -> Ended {
        self.type_and_await(arguments, lines, variables, &[], || ())
    }

    /// The same for what ends only when it is told to: `end` does so when all of `said` has been shown after the last line.
    pub(crate) fn type_and_await(
        &self,
        arguments: &[&str],
        lines: &[(&str, &str)],
        variables: &[(&str, &str)],
        said: &[&str],
        end: impl FnOnce(),
    ) -> Ended {
        let mut screen = File::from(openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap());
        grantpt(&screen).unwrap();
        unlockpt(&screen).unwrap();
        let name = ptsname(&screen, Vec::new()).unwrap();
        let terminal = || File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let mut command = self.command("setsid");
        command.args(["--ctty", "--wait", env!("CARGO_BIN_EXE_plimsoll")]).args(arguments);
        command.envs(variables.iter().copied());
        let mut child = command.stdin(terminal()).stdout(terminal()).stderr(terminal()).spawn().unwrap();
        // The command holds the terminal open, too, and so would keep the screen from ever ending.
        drop(command);
        let mut shown = Vec::new();
        for (prompt, line) in lines {
            let from = shown.len();
            while !String::from_utf8_lossy(&shown[from..]).contains(prompt) {
                assert!(more(&mut screen, &mut shown), "no {prompt:?} in {}", String::from_utf8_lossy(&shown));
            }
            // Only secrets are typed unseen.
            while !prompt.ends_with('?') && tcgetattr(&screen).unwrap().local_modes.contains(LocalModes::ECHO) {
                assert!(child.try_wait().unwrap().is_none(), "it ended without hiding what is typed");
                thread::sleep(Duration::from_millis(2));
            }
            writeln!(screen, "{line}").unwrap();
        }
        while !said.iter().all(|text| String::from_utf8_lossy(&shown).contains(text)) {
            assert!(more(&mut screen, &mut shown), "no {said:?} in {}", String::from_utf8_lossy(&shown));
        }
        end();
        // A terminal that everybody has left ends with an error.
        while more(&mut screen, &mut shown) {}
        let status = child.wait().unwrap();
        Ended { code: status.code(), stdout: String::from_utf8_lossy(&shown).into_owned(), stderr: String::new() }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let way = std::env::var_os("PATH").unwrap_or_default();
        fs::create_dir_all(self.path("work")).unwrap();
        command.env_clear().env("PATH", way).env("HOME", self.folder.path()).env("TERM", "dumb");
        command.env("PLIMSOLL_DATA", self.path("data")).current_dir(self.path("work"));
        command
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program writes text");
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Ended {
    /// Says everything when it ended otherwise.
    #[track_caller]
    pub(crate) fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }
}

/// One more byte of a screen; false where everybody has left it. Whoever sits before a question that the test does not
/// expect is told of, and hung up on.
fn more(screen: &mut File, shown: &mut Vec<u8>) -> bool {
    let patience = Timespec { tv_sec: PATIENCE.parse().unwrap(), tv_nsec: 0 };
    let is_ready = poll(&mut [PollFd::new(screen, PollFlags::IN)], Some(&patience)).unwrap() > 0;
    assert!(is_ready, "nothing more came for {PATIENCE} s after {}", String::from_utf8_lossy(shown));
    let mut byte = [0];
    let read = screen.read(&mut byte).unwrap_or(0);
    shown.extend_from_slice(&byte[..read]);
    read == 1
}
