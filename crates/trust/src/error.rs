//! Why something could not be signed or verified.

use image::client::ClientError;
use keys::KeyError;
use store::StoreError;
use thiserror::Error;

/// What a parser says, fit for a message: it may quote what others wrote, at any length and with any character.
pub(crate) fn short(text: impl std::fmt::Display) -> String {
    let text = text.to_string();
    let escape = |character: char| match character {
        _ if character.is_control() => character.escape_default().to_string(),
        _ => character.to_string(),
    };
    text.chars().take(200).map(escape).collect()
}

/// Why something could not be signed, or signatures not be read. A signature that does not hold is no error but a
/// [`crate::Rejection`].
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The registry did not do what was asked.
    #[error(transparent)]
    Registry(#[from] ClientError),
    /// The store did not do what was asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key did not sign.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A bundle that refers to an image cannot be read.
    #[error("signature {name}: {reason}")]
    Bundle {
        /// The digest of the manifest that holds it.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A signature that was to be written does not hold as it is read back. Nothing was written.
    #[error("the signature that was made as {format} does not hold: {reason}; nothing was written")]
    Unfit {
        /// Which format.
        format: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A timestamping authority did not do what was asked.
    #[error("no timestamp from {url}: {reason}; nothing was written (leave --timestamp out to sign without)")]
    Timestamp {
        /// Its address.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// Somebody else wrote the same thing in between.
    #[error("somebody else has just written {what} (there is {found} now); nothing was changed, run it again")]
    Contended {
        /// What was to be written.
        what: String,
        /// What is there now.
        found: String,
    },
    /// A file of the store could not be read.
    #[error("cannot read signature {name}: {source}")]
    Read {
        /// The blob's digest.
        name: String,
        /// What the system said.
        source: std::io::Error,
    },
}
