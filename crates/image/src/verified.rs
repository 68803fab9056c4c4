//! Bytes that matched the digest that named them.

use std::ops::Deref;

use thiserror::Error;

use crate::Digest;

/// Bytes together with the digest that they were checked against.
///
/// A function that must not see unchecked bytes asks for this type.
#[derive(Clone, Debug)]
pub struct Verified {
    bytes: Vec<u8>,
    digest: Digest,
}

/// The bytes are not what the digest promised.
#[derive(Debug, Error)]
#[error("{what} has digest {found}, but {expected} was asked for; the bytes were changed or cut short on the way")]
pub struct DigestMismatch {
    /// What the bytes were meant to be (`manifest of debian:12`).
    pub what: String,
    /// The digest that named them.
    pub expected: Digest,
    /// The digest that they have.
    pub found: Digest,
}

impl Verified {
    /// Checks `bytes` against `digest`; `what` names them in the error.
    pub fn check(bytes: Vec<u8>, digest: &Digest, what: &str) -> Result<Self, DigestMismatch> {
        let found = digest.of_same_algorithm(&bytes);
        if found == *digest {
            Ok(Self { bytes, digest: found })
        } else {
            Err(DigestMismatch { what: what.to_owned(), expected: digest.clone(), found })
        }
    }

    /// Takes bytes that nothing named yet and names them by their own SHA-256: right for what we made or were
    /// given by path, wrong for what was asked for by digest.
    pub fn name(bytes: Vec<u8>) -> Self {
        let digest = Digest::sha256(&bytes);
        Self { bytes, digest }
    }

    /// The digest that the bytes have.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Gives the bytes back.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl Deref for Verified {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}
