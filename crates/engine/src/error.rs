//! Why a container did not run.

use std::io;

use image::layer::LayerError;
use image::source::SourceError;
use image::verified::DigestMismatch;
use sandbox::BrokerError;
use store::StoreError;
use thiserror::Error;

use crate::admission::Refusal;

/// Why a container did not run. [`EngineError::exit_code`] is docker's for it.
#[derive(Debug, Error)]
pub enum EngineError {
    /// Policy says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The image cannot be read.
    #[error("cannot read {what}")]
    Source {
        /// Which part of it.
        what: String,
        /// Why.
        source: SourceError,
    },
    /// A layer cannot be inflated.
    #[error("cannot inflate {what}")]
    Layer {
        /// Which.
        what: String,
        /// Why.
        source: LayerError,
    },
    /// Bytes broke off or could not be written.
    #[error("cannot {doing}")]
    Io {
        /// What was being done.
        doing: String,
        /// Why.
        source: io::Error,
    },
    /// A blob or layer that is not what the image's manifest and config named.
    #[error(transparent)]
    Digest(#[from] DigestMismatch),
    /// The blobs cannot be kept or found.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The sandbox cannot do it.
    #[error(transparent)]
    Sandbox(#[from] BrokerError),
    /// What is asked for cannot be a container.
    #[error("{0}")]
    Wish(String),
}

impl EngineError {
    /// Docker's exit code: 126 and 127 for a program that cannot be executed or is not there, 125 for the rest.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Sandbox(error) => error.exit_code(),
            _ => 125,
        }
    }
}
