//! One container as the daemon may ask for it.
//!
//! There is no field for a capability, a namespace, a device or a seccomp profile: these are the privileged side's
//! to decide and the same for all.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{ContainerId, DiffId, MAX_BINDS, MAX_LAYERS};

/// Most bytes of arguments and environment together.
const MAX_PROCESS_BYTES: usize = 96 << 10;

/// Longest path that Linux takes.
const MAX_PATH: usize = 4095;

/// Longest host name that Linux takes, and longest name of a container.
const MAX_NAME: usize = 64;

/// What is to be run, on which layers, with what of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContainerRequest {
    /// Its id; chosen by the daemon, at random.
    pub id: ContainerId,
    /// A name that no other running container of this machine has, for people.
    pub name: Option<String>,
    /// Its name in its own UTS namespace.
    pub hostname: String,
    /// Its layers, base first. All are kept already.
    pub layers: Vec<DiffId>,
    /// The program with its arguments. A program without a slash is looked up in the container's `PATH`.
    pub args: Vec<String>,
    /// `NAME=VALUE`, later ones over earlier ones.
    pub env: Vec<String>,
    /// The folder that it starts in, absolute; made where it is missing.
    pub cwd: String,
    /// `USER[:GROUP]` by name or number as in the image's config; empty is root. Names are looked up in the
    /// image's own files, inside the container's user namespace.
    pub user: String,
    /// Files and folders of the host.
    pub binds: Vec<Bind>,
    /// The size of its terminal, where it gets one.
    pub terminal: Option<TerminalSize>,
    /// Whether its stdin is open; `/dev/null` otherwise. Of no meaning with a terminal.
    pub open_stdin: bool,
    /// Whether its writable layer is deleted when it has ended.
    pub remove: bool,
    /// What it may use.
    pub limits: Limits,
}

/// A file or folder of the host that the container sees, with the rights of the user who asked and never more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bind {
    /// Absolute path on the host. Opened by the broker as the calling user.
    pub source: PathBuf,
    /// Absolute path in the container.
    pub destination: PathBuf,
    /// Whether nothing may be written through it.
    pub read_only: bool,
}

/// What a container may use of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Processes and threads at a time.
    pub pids: u32,
    /// Bytes of memory; none is no limit.
    pub memory: Option<u64>,
}

impl Default for Limits {
    /// 4,096 processes (a build of a large program needs some hundreds) and no limit on memory.
    fn default() -> Self {
        Self { pids: 4096, memory: None }
    }
}

/// Rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TerminalSize {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

/// The ids of the host that a container has while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// The host's id of the container's root.
    pub first: u32,
    /// How many.
    pub count: u32,
}

/// What the daemon may ask of a container, on the channel of that container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum ShimRequest {
    /// Run its process. Once.
    Start,
    /// Send its process a signal, by Linux' number.
    Signal(i32),
    /// Its terminal has a new size.
    Resize(TerminalSize),
}

/// What the shim tells, on the channel of its container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum ShimAnswer {
    /// Everything is made and the process waits for [`ShimRequest::Start`]. The terminal's master comes with it,
    /// where there is one.
    Created {
        /// The host's number of its first process.
        pid: i32,
        /// Its ids.
        range: Range,
    },
    /// Its process runs.
    Started,
    /// It could not be made or started; the channel ends.
    Failed {
        /// Docker's exit code: 125, 126 (cannot be executed) or 127 (is not there).
        code: u8,
        /// What was being done, what was found.
        reason: String,
    },
    /// Its process has ended. The channel ends when everything of it is gone.
    Exited(Exit),
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Exit {
    /// By itself, with this code.
    Code(u8),
    /// By this signal.
    Signal(u8),
}

impl Default for TerminalSize {
    /// What a terminal was before it could be resized.
    fn default() -> Self {
        Self { rows: 24, columns: 80 }
    }
}

impl Exit {
    /// The code that a shell and docker show: 128 and the signal's number where a signal ended it.
    pub fn code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => 128 | signal,
        }
    }
}

/// Why a request for a container is none.
#[derive(Debug, Error)]
pub enum RequestError {
    /// Too much or too little of something.
    #[error("a container with {found} {what} was asked for, but between {least} and {most} are possible")]
    Count {
        /// Of what.
        what: &'static str,
        /// How many were asked for.
        found: usize,
        /// The fewest.
        least: usize,
        /// The most.
        most: usize,
    },
    /// A text that cannot be what it is to be.
    #[error("{what} {found:?} cannot be used: {reason}")]
    Text {
        /// What it is to be.
        what: &'static str,
        /// The text, cut.
        found: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl ContainerRequest {
    /// Checks what can be checked without looking at the machine. Client and broker both call it.
    pub fn check(&self) -> Result<(), RequestError> {
        count("layers", self.layers.len(), 1, MAX_LAYERS)?;
        count("arguments", self.args.len(), 1, 10_000)?;
        count("environment variables", self.env.len(), 0, 10_000)?;
        count("binds", self.binds.len(), 0, MAX_BINDS)?;
        let bytes = self.args.iter().chain(&self.env).map(String::len).sum();
        count("bytes of arguments and environment", bytes, 0, MAX_PROCESS_BYTES)?;
        count("processes at most", self.limits.pids as usize, 1, 4 << 20)?;
        if self.args[0].is_empty() {
            return Err(text("program", "", "it is empty"));
        }
        for (what, value) in
            self.args.iter().map(|arg| ("argument", arg)).chain(self.env.iter().map(|env| ("variable", env)))
        {
            if value.contains('\0') {
                return Err(text(what, value, "it holds a zero byte"));
            }
        }
        if let Some(variable) = self.env.iter().find(|variable| !variable.contains('=') || variable.starts_with('=')) {
            return Err(text("variable", variable, "write NAME=VALUE"));
        }
        for (what, value) in [("host name", Some(&self.hostname)), ("container name", self.name.as_ref())] {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
            if value.is_some_and(|value| !(1..=MAX_NAME).contains(&value.len()) || !value.bytes().all(is_plain)) {
                let reason = "1 to 64 letters, digits, hyphens, dots and underscores are possible";
                return Err(text(what, value.map_or("", String::as_str), reason));
            }
        }
        if self.user.len() > 256 || self.user.chars().any(char::is_control) {
            return Err(text("user", &self.user, "it is longer than 256 bytes or holds control characters"));
        }
        path("working folder", &self.cwd)?;
        for bind in &self.binds {
            for (what, value) in [("path on the host", &bind.source), ("path in the container", &bind.destination)] {
                let value = value.to_str().ok_or_else(|| text(what, &value.to_string_lossy(), "it is not UTF-8"))?;
                path(what, value)?;
            }
        }
        Ok(())
    }
}

fn count(what: &'static str, found: usize, least: usize, most: usize) -> Result<(), RequestError> {
    if (least..=most).contains(&found) { Ok(()) } else { Err(RequestError::Count { what, found, least, most }) }
}

fn text(what: &'static str, found: &str, reason: &'static str) -> RequestError {
    RequestError::Text { what, found: found.chars().take(120).collect(), reason }
}

fn path(what: &'static str, value: &str) -> Result<(), RequestError> {
    if !value.starts_with('/') {
        Err(text(what, value, "an absolute path is needed"))
    } else if value.len() > MAX_PATH || value.contains('\0') {
        Err(text(what, value, "it is longer than 4,095 bytes or holds a zero byte"))
    } else {
        Ok(())
    }
}
