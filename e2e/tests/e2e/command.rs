//! Commands as a person types them, with everything that they said when they fail.

use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};

/// How a command ended, as text.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Exit code; `None` for a signal.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Ended {
    /// Both outputs, for messages.
    pub(crate) fn said(&self) -> String {
        format!("exit code {:?}\nstdout:\n{}\nstderr:\n{}", self.code, self.stdout, self.stderr)
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A command without standard input, so that nothing waits for a terminal.
pub(crate) fn command<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub(crate) fn run(mut command: Command) -> Ended {
    command.output().unwrap_or_else(|error| panic!("starting {command:?}: {error}")).into()
}

/// Runs it and expects exit code 0; gives its standard output.
pub(crate) fn succeed(command: Command) -> String {
    let shown = format!("{command:?}");
    let ended = run(command);
    assert_eq!(ended.code, Some(0), "{shown}\n{}", ended.said());
    ended.stdout
}
