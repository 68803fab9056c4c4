//! Why something that lies beside an image does not count.

use thiserror::Error;

use crate::bundle::BundleError;
use crate::statement::NotSaid;
use crate::{Format, TrustError};

/// Why something that may have been a signature does not count.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Rejection {
    /// It could not be fetched.
    #[error(transparent)]
    Unreadable(TrustError),
    /// It is no bundle, or none that can be checked.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Signed, if at all, by a key that is not trusted.
    #[error("it is signed by {}", unknown(.0.as_deref()))]
    UnknownKey(Option<String>),
    /// It names a trusted key, and that key's signature does not hold: it was changed or made up.
    #[error("it claims to be by the trusted key {0}, but that signature does not hold: it was changed, or made up")]
    Forged(String),
    /// A payload that is no statement.
    #[error("a trusted key signed something of type {0:?} there, which is no statement about an image")]
    PayloadType(String),
    /// A statement by a trusted key that is no signature of this image.
    #[error("by the trusted key {0}: {1}")]
    NotSaid(String, NotSaid),
    /// Another format, with what is wrong with it.
    #[error("the {} {reason}", .format.title())]
    Malformed {
        /// Which format.
        format: Format,
        /// What is wrong with it.
        reason: String,
    },
    /// notation's COSE.
    #[error("it is a notation signature in COSE, which is not read here; sign as JWS (notation's default)")]
    Cose,
    /// An attestation of a key that is none.
    #[error("the attestation {0}")]
    Attestation(String),
}

/// A key that is not trusted, by its fingerprint where the bundle hints at one.
fn unknown(hint: Option<&str>) -> String {
    use base64::Engine as _;
    let fingerprint = hint.and_then(|hint| base64::prelude::BASE64_STANDARD.decode(hint).ok());
    match fingerprint {
        Some(bytes) if bytes.len() == 32 => {
            let hex = bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
            format!("another key, which calls itself {hex}")
        }
        _ => "another key".into(),
    }
}
