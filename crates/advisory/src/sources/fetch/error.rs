//! Why something could not be fetched.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use super::transfer::SLOWEST;
use crate::index::IndexError;
use crate::sources::ImportError;

/// Why an ecosystem could not be fetched.
#[derive(Debug, Error)]
pub enum FetchError {
    /// A name that no ecosystem has.
    #[error("{name:?} is no OSV ecosystem; names are such as Debian, Alpine, PyPI, npm, Go, crates.io")]
    Name {
        /// The name.
        name: String,
    },
    /// The server does not know it.
    #[error("{url} does not exist; OSV's names are case-sensitive: Debian, Ubuntu, Alpine, PyPI, npm, Go, crates.io")]
    Unknown {
        /// The address.
        url: String,
    },
    /// The server answered something else.
    #[error("{url} answered {status}; try again later, or import a copy with `plimsoll db import PATH`")]
    Status {
        /// The address.
        url: String,
        /// HTTP status.
        status: u16,
    },
    /// The connection failed or broke.
    #[error(
        "cannot fetch {url}; check the network and proxy (HTTPS_PROXY), or import a copy with \
         `plimsoll db import PATH`"
    )]
    Transport {
        /// The address.
        url: String,
        /// What went wrong.
        source: io::Error,
    },
    /// It does not arrive at any useful speed.
    #[error("{url} sent less than {SLOWEST} bytes in {} seconds and was given up; try again later", stall.as_secs())]
    Stalled {
        /// The address.
        url: String,
        /// How long was waited.
        stall: Duration,
    },
    /// The download could not be kept.
    #[error("cannot keep the download of {url} in {}", folder.display())]
    Keep {
        /// The address.
        url: String,
        /// Where.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It arrived and is of no use; the last good state stays.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// What is there already could not be read, to find what changed of it.
    #[error(transparent)]
    Index(#[from] IndexError),
}

impl FetchError {
    /// The whole chain of causes in one sentence.
    pub(super) fn sentence(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        text.chars().take(1000).collect()
    }
}
