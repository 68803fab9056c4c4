//! Why a layer could not be read to its end.

use std::error::Error;
use std::io;

use thiserror::Error;

/// Why a layer could not be read to its end. Texts that come from the layer are quoted and escaped.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LayerError {
    /// The stream ends before the compressed data, a member or the tar does.
    #[error(
        "the data ends in the middle of {place}, after {offset} bytes; it was cut short, fetch, push or save it again"
    )]
    Truncated {
        /// What was being read (`the gzip stream`, `the content of "usr/bin/perl"`).
        place: String,
        /// Bytes of the blob (compressed data) or of the tar that came before.
        offset: u64,
    },
    /// The bytes are no gzip, zstd or tar where they should be.
    #[error("the data is damaged: {reason} at byte {offset} of {stream}; build, push or save the image again")]
    Corrupt {
        /// What is wrong.
        reason: String,
        /// Where.
        offset: u64,
        /// `the compressed data` or `the tar`.
        stream: &'static str,
    },
    /// A feature of tar or compression that is known and not read.
    #[error("the data cannot be read: {reason}")]
    Unsupported {
        /// What it is, and what to do.
        reason: String,
    },
    /// More bytes of tar than [`super::Limits::uncompressed_bytes`].
    #[error(
        "the data grows beyond {limit} bytes when it is decompressed; it is a decompression bomb, or too large to scan"
    )]
    TooLarge {
        /// The bound.
        limit: u64,
    },
    /// More members than [`super::Limits::entries`].
    #[error("the data has more than {limit} files; it is made to exhaust, or too large to scan")]
    TooManyEntries {
        /// The bound.
        limit: u64,
    },
    /// A path longer than [`super::Limits::path_bytes`].
    #[error(
        "the data has a path of {found} bytes at byte {offset} of the tar; {limit} are the most that Linux can open"
    )]
    PathTooLong {
        /// Bytes of the path.
        found: u64,
        /// The bound.
        limit: usize,
        /// Where its header stands.
        offset: u64,
    },
    /// The bytes could not be read from where they are.
    #[error("could not read the data: {0}")]
    Io(#[source] io::Error),
    /// The visitor gave up.
    #[error(transparent)]
    Visitor(Box<dyn Error + Send + Sync>),
}

impl LayerError {
    /// Why a visitor gives up: an error of its own, or a text.
    pub fn visitor(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Visitor(cause.into())
    }

    /// For readers of a layer that know I/O errors only; the error stays inside.
    pub(crate) fn into_io(self) -> io::Error {
        match self {
            Self::Io(error) => error,
            Self::Truncated { .. } => io::Error::new(io::ErrorKind::UnexpectedEof, self),
            other => io::Error::new(io::ErrorKind::InvalidData, other),
        }
    }
}
