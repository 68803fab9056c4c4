//! How to start a worker, and what can go wrong with one.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use super::Bounds;
use super::process::Process;
use super::protocol::Ready;

/// How a worker is started. Cheap to clone, and safe to use from several threads at once.
#[derive(Clone, Debug)]
pub struct Launcher(pub(super) Start);

#[derive(Clone, Debug)]
pub(super) enum Start {
    Program { program: PathBuf, arguments: Vec<OsString> },
    Unsealed,
}

/// Why a worker was of no use.
#[derive(Debug, Error)]
pub enum WorkerError {
    /// It could not be started.
    #[error("starting the sealed worker {program}: {source}")]
    Start {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// It could not seal itself, and parses nothing unsealed.
    #[error("the worker that parses layers could not seal itself: {0}")]
    Refused(String),
    /// It ended before it had answered.
    #[error("the worker {0} before it had answered")]
    Died(String),
    /// It did not answer in time.
    #[error("the worker did not answer within {} s and was ended", .0.as_secs_f32())]
    Silent(Duration),
    /// It answered what no worker of ours would.
    #[error("the worker answered nonsense ({0}) and was ended")]
    Nonsense(String),
    /// The pipes to it failed.
    #[error("talking to the worker: {0}")]
    Pipe(#[source] io::Error),
}

impl Launcher {
    /// This very program, with the hidden verb `worker`, which calls [`super::serve`].
    ///
    /// On Linux by `/proc/self/exe`, so that a server whose program was upgraded on disk goes on with workers of its
    /// own version.
    pub fn this_program() -> io::Result<Self> {
        let program =
            if cfg!(target_os = "linux") { PathBuf::from("/proc/self/exe") } else { std::env::current_exe()? };
        Ok(Self::program(program, ["worker"]))
    }

    /// Another program that serves as a worker.
    pub fn program<A: Into<OsString>>(program: impl Into<PathBuf>, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self(Start::Program { program: program.into(), arguments })
    }

    /// No worker: the cataloguers run here, with all that this process may do. For tests over bytes that they wrote
    /// themselves.
    pub fn unsealed_in_this_process() -> Self {
        Self(Start::Unsealed)
    }

    /// Starts a worker, waits until it has sealed itself, and ends it: what a server does once as it starts, to say
    /// early what every scan would say. None where there is nothing to start.
    pub fn check(&self) -> Result<Option<Ready>, WorkerError> {
        let Start::Program { program, arguments } = &self.0 else { return Ok(None) };
        let mut process = Process::start(program, arguments, &Bounds::default(), None)?;
        process.wait_until_ready().map(Some)
    }
}
