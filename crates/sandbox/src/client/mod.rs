//! The unprivileged side: what the daemon and `plimsoll run` hold.

mod broker;
mod container;
mod program;
mod unpacking;

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::channel::ChannelError;
use crate::protocol::RequestError;

pub use broker::Broker;
pub use container::{Container, Controls, Stdio};
pub use unpacking::Unpacking;

/// Why the privileged side did not do something.
#[derive(Debug, Error)]
pub enum BrokerError {
    /// The caller is not root.
    #[error("the sandbox can be started by root only; run the command as root or with sudo")]
    NotRoot,
    /// There is no program to start.
    #[error(
        "plimsoll-sandbox is not beside this program (looked at {0}); install both into the same folder, or name it by PLIMSOLL_SANDBOX"
    )]
    NoProgram(PathBuf),
    /// The program could be somebody else's.
    #[error("{path} is not started as root: {reason}")]
    UntrustedProgram {
        /// The program or a folder above it.
        path: PathBuf,
        /// What is wrong.
        reason: &'static str,
    },
    /// The program does not start.
    #[error("cannot start {path}")]
    Start {
        /// The program.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The privileged side said no.
    #[error("{0}")]
    Refused(String),
    /// A request that cannot be one.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The broker is not there any more, or says what it should not.
    #[error("the sandbox's privileged part cannot be talked to while {doing}; its own message is above, if it had one")]
    Channel {
        /// What was being done.
        doing: &'static str,
        /// Why.
        source: ChannelError,
    },
    /// A container that could not be made or started.
    #[error("{reason}")]
    Container {
        /// Docker's exit code: 125, 126 or 127.
        code: u8,
        /// Why.
        reason: String,
    },
    /// A pipe or socket of our own.
    #[error("cannot {doing}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Why.
        source: io::Error,
    },
}

impl BrokerError {
    /// The exit code that docker has for it: 125 but for programs that cannot be executed or are not there.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Container { code, .. } => *code,
            _ => 125,
        }
    }
}
