//! Who asks, as the system tells it.

use std::fmt;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::process::{self, Process};

/// Programs that ask on behalf of the program that started them, as Linux cuts their names.
const STAND_INS: [&str; 2] = ["notation-plimso", "sigstore-kms-pl"];

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// Over which way.
    pub origin: Origin,
    /// The process at the other end of the socket.
    pub process: Option<u32>,
    /// What it runs: a path where the system shows it, else a name.
    pub program: Option<String>,
    /// The terminal to ask at, where the process has one and named it.
    pub terminal: Option<PathBuf>,
}

/// How a request came. A program of the user's own that asks for somebody else says so; what comes from afar is signed
/// after a person has said yes, so that saying it gains nobody anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Origin {
    /// From a program of this user.
    #[default]
    Here,
    /// Over a socket that was forwarded to another machine.
    Forwarded {
        /// Which.
        host: String,
    },
    /// Through a registry.
    Relayed {
        /// Which.
        registry: String,
        /// Whom it names as the one who asked.
        caller: String,
    },
    /// Nobody: the agent saw a push.
    Pushed {
        /// In which registry.
        registry: String,
        /// Whom it names as the one who pushed.
        caller: String,
    },
}

impl Asker {
    /// The process at the other end of a connection; `None` where it is another user's, who may ask nothing.
    pub fn of(stream: &UnixStream) -> Option<Self> {
        let peer = process::peer(stream).ok().filter(|peer| peer.is_own_user())?;
        let program = peer.process.and_then(program_of);
        Some(Self { origin: Origin::Here, process: peer.process, program, terminal: None })
    }

    /// The same, where they ask for somebody else.
    #[must_use]
    pub fn for_another(self, origin: Option<Origin>) -> Self {
        Self { origin: origin.unwrap_or_default(), ..self }
    }

    /// Takes the terminal that a request names, if it is one, belongs to this user, and is the asking process' own:
    /// a question must not appear before somebody else.
    #[must_use]
    pub fn at_terminal(mut self, named: Option<&str>) -> Self {
        self.terminal = named.map(PathBuf::from).filter(|path| self.owns(path));
        self
    }

    fn owns(&self, path: &Path) -> bool {
        if !path.starts_with("/dev") || path.components().any(|part| part.as_os_str() == "..") {
            return false;
        }
        let Ok(about) = fs::symlink_metadata(path) else { return false };
        let is_users = about.file_type().is_char_device() && about.uid() == rustix::process::geteuid().as_raw();
        let is_own = self.process.and_then(Process::terminal) == Some(about.rdev());
        is_users && is_own
    }

    /// Whether a person who is asked has to say yes even where the key would not need them: whoever asks is not at this
    /// machine.
    pub fn is_remote(&self) -> bool {
        self.origin != Origin::Here
    }
}

impl fmt::Display for Asker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Here => {
                let path = self.program.as_deref().unwrap_or("a program without a name");
                let name = path.rsplit('/').next().unwrap_or(path);
                formatter.write_str(name)?;
                match self.process {
                    Some(process) if name != path => write!(formatter, " ({path}, process {process})"),
                    Some(process) => write!(formatter, " (process {process})"),
                    None => Ok(()),
                }
            }
            Origin::Forwarded { host } => write!(formatter, "somebody at {host}, through ssh"),
            Origin::Relayed { registry, caller } => write!(formatter, "{caller}, through {registry}"),
            Origin::Pushed { registry, caller } => write!(formatter, "a push by {caller} to {registry}"),
        }
    }
}

/// What a process runs, or what started it where it only stands in.
fn program_of(number: u32) -> Option<String> {
    let process = Process::of(number)?;
    let is_stand_in = STAND_INS.iter().any(|name| process.name.starts_with(name));
    if is_stand_in && Process::is_this_program(number) {
        return Process::of(process.parent).map(called);
    }
    Some(called(process))
}

fn called(process: Process) -> String {
    process.program.map_or(process.name, |path| path.to_string_lossy().into_owned())
}
