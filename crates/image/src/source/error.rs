//! Why an image could not be read.

use std::error::Error;
use std::io;

use thiserror::Error;

use crate::Digest;
use crate::layer::LayerError;
use crate::verified::DigestMismatch;

/// Why an image could not be read. Texts that come from an image are quoted and escaped.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The image, tag, file or blob that was asked for is not there.
    #[error("{what} was not found in {place}; {hint}")]
    NotFound {
        /// What was looked for.
        what: String,
        /// Where.
        place: String,
        /// What is there instead, or what to do.
        hint: String,
    },
    /// The bytes have another digest than the one that named them.
    #[error(transparent)]
    Digest(#[from] DigestMismatch),
    /// The bytes have another length than the descriptor promised.
    #[error("{what} has {found} bytes, but its descriptor says {expected}; the image was damaged or tampered with")]
    Size {
        /// What was read.
        what: String,
        /// Bytes promised.
        expected: u64,
        /// Bytes found.
        found: u64,
    },
    /// A document or file is larger than anything that honest images have.
    #[error("{what} is larger than the {limit} bytes that are read at most; no honest image needs that many")]
    TooLarge {
        /// What was read.
        what: String,
        /// The bound.
        limit: u64,
    },
    /// A list is longer than anything that honest images have.
    #[error("{what}: {found} found, {limit} are read at most; no honest image needs that many")]
    TooMany {
        /// What was counted (`layers in manifest sha256:…`).
        what: String,
        /// How many there are, or at least are.
        found: u64,
        /// The bound.
        limit: u64,
    },
    /// The bytes are what the digest promised, but not what the specification asks for.
    #[error("{what} is malformed: {reason}; the image must be built or pushed again")]
    Malformed {
        /// What was parsed.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A format that is known and not read.
    #[error("{what}: {reason}")]
    Unsupported {
        /// What was met.
        what: String,
        /// What it is, why it is not read, what to do.
        reason: String,
    },
    /// A manifest that is no container image: a signature, a chart, an attestation.
    #[error("{what} is not a container image but an artifact of type {kind:?}; name the image that it belongs to")]
    NotAnImage {
        /// The manifest.
        what: String,
        /// Its artifact type, or the media type that tells what it is.
        kind: String,
    },
    /// No image for the platform.
    #[error("{what} has no image for {wanted}; {}", offers(.available))]
    Platform {
        /// The image.
        what: String,
        /// The platform that was asked for.
        wanted: String,
        /// What there is.
        available: Vec<String>,
    },
    /// An index that leads back to itself.
    #[error("{what} points to itself by way of {digest}; such an index is made to mislead, nothing of it was used")]
    PointsToItself {
        /// The index.
        what: String,
        /// The digest that came round again.
        digest: Digest,
    },
    /// Indexes in indexes, too deep or too many.
    #[error("{what} leads through more than {limit} indexes and manifests without reaching an image")]
    TooDeep {
        /// The image.
        what: String,
        /// The bound.
        limit: usize,
    },
    /// Several images, and nothing says which.
    #[error("{what} holds several images; say which: {}", .choices.join(", "))]
    Ambiguous {
        /// The layout or archive.
        what: String,
        /// What can be written instead.
        choices: Vec<String>,
    },
    /// Reading failed.
    #[error("could not {action}: {source}")]
    Io {
        /// What was being done, to what (`read /srv/layout/index.json`).
        action: String,
        /// What the system said.
        source: io::Error,
    },
    /// A compressed archive could not be inflated, or its tar not walked.
    #[error("could not read {what}: {source}")]
    Archive {
        /// The archive.
        what: String,
        /// What was met.
        source: LayerError,
    },
    /// A registry or engine could not be asked, or refused.
    #[error(transparent)]
    Remote(Box<dyn Error + Send + Sync>),
}

impl SourceError {
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }

    pub(crate) fn malformed(what: &str, reason: impl Into<String>) -> Self {
        // Parsers repeat what they met; that may be long and meant for a terminal.
        let shown = |character: char| if character.is_control() { ' ' } else { character };
        let reason = reason.into().chars().take(400).map(shown).collect();
        Self::Malformed { what: what.to_owned(), reason }
    }
}

fn offers(available: &[String]) -> String {
    if available.is_empty() {
        return "it lists no image at all".into();
    }
    format!("it has {}; choose one with --platform", available.join(", "))
}
