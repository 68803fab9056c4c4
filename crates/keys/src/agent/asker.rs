//! Who asks, as the system tells it.

use std::fmt;
use std::fs;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::net::sockopt::socket_peercred;
use serde::{Deserialize, Serialize};

/// Programs that ask on behalf of the program that started them (as the system cuts their names, too).
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
        let peer = socket_peercred(stream).ok()?;
        if peer.uid != rustix::process::geteuid() {
            return None;
        }
        let process = u32::try_from(peer.pid.as_raw_nonzero().get()).ok();
        Some(Self { origin: Origin::Here, process, program: process.and_then(program_of), terminal: None })
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
        let is_own = self.process.and_then(controlling).is_some_and(|(major, minor)| {
            rustix::fs::major(about.rdev()) == major && rustix::fs::minor(about.rdev()) == minor
        });
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
fn program_of(process: u32) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{process}/comm")).ok()?.trim_end().to_owned();
    if STAND_INS.contains(&name.as_str()) && is_ours(process) {
        let parent: u32 = status_field(process, 1)?.parse().ok()?;
        return path_of(parent)
            .or_else(|| Some(fs::read_to_string(format!("/proc/{parent}/comm")).ok()?.trim_end().to_owned()));
    }
    path_of(process).or(Some(name))
}

/// Whether a process runs this very program. Any can take another's name and be told as what started it.
fn is_ours(process: u32) -> bool {
    let file = |process: &str| fs::metadata(format!("/proc/{process}/exe")).ok();
    let same = |(own, other): (fs::Metadata, fs::Metadata)| own.dev() == other.dev() && own.ino() == other.ino();
    file("self").zip(file(&process.to_string())).is_some_and(same)
}

fn path_of(process: u32) -> Option<String> {
    let path = fs::read_link(format!("/proc/{process}/exe")).ok()?;
    Some(path.to_string_lossy().trim_end_matches(" (deleted)").to_owned())
}

/// A field of `/proc/PID/stat`, counted from the one after the name (the state is 0), which may hold anything.
fn status_field(process: u32, place: usize) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    rest.split_whitespace().nth(place).map(str::to_owned)
}

/// The numbers of the terminal that a process belongs to (proc(5), tty_nr: the minor number in bits 31-20 and 7-0, the
/// major in bits 15-8).
fn controlling(process: u32) -> Option<(u32, u32)> {
    let number: u32 = status_field(process, 4)?.parse().ok()?;
    (number != 0).then_some(((number >> 8) & 0xfff, (number & 0xff) | ((number >> 12) & 0xf_ff00)))
}

/// The file of that terminal.
pub(super) fn terminal_of(process: u32) -> Option<String> {
    // The kernel's list of devices: pseudo-terminals have 136 and up, consoles 4.
    match controlling(process)? {
        (major @ 136..=143, minor) => Some(format!("/dev/pts/{}", (major - 136) * 256 + minor)),
        (4, minor @ 0..=63) => Some(format!("/dev/tty{minor}")),
        (4, minor) => Some(format!("/dev/ttyS{}", minor - 64)),
        _ => None,
    }
}
