//! The one thing that every key can do.

use crate::{KeyError, PublicKey};

/// Something that can sign. Implementations may block for a person's touch.
pub trait Signer: Send + Sync {
    /// The public half.
    fn public_key(&self) -> PublicKey;

    /// Signs `message` (it is hashed inside): for P-256, ECDSA with SHA-256 as ASN.1 DER.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError>;
}
