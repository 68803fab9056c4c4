//! What can sign.
//!
//! A [`Signer`] makes ECDSA signatures over messages; where its secret is (an encrypted file today) is its own
//! business. A key is named by one URI everywhere ([`uri::KeyUri`], `file:…`).

use thiserror::Error;

/// Something that can sign. Implementations may block for a person's touch.
pub trait Signer: Send + Sync {
    /// The public half.
    fn public_key(&self) -> PublicKey;

    /// Signs `message` (it is hashed inside): for P-256, ECDSA with SHA-256 as ASN.1 DER.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError>;
}

/// A public key, as PKIX (RFC 5280 SubjectPublicKeyInfo) DER.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PublicKey {
    /// The DER bytes, checked when made.
    der: Vec<u8>,
}

/// Why a key could not be made, read or used. (Variants by the keys room's owner.)
#[derive(Debug, Error)]
#[error("{0}")]
pub struct KeyError(pub String);

impl PublicKey {
    /// The DER bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Reads `-----BEGIN PUBLIC KEY-----`.
    pub fn from_pem(_text: &str) -> Result<Self, KeyError> {
        unimplemented!("owner: keys room")
    }

    /// Writes it.
    pub fn to_pem(&self) -> String {
        unimplemented!("owner: keys room")
    }

    /// Checks a DER signature over `message`.
    pub fn verify(&self, _message: &[u8], _signature: &[u8]) -> Result<(), KeyError> {
        unimplemented!("owner: keys room")
    }

    /// SHA-256 over the DER as hex: how people and policies tell keys apart.
    pub fn fingerprint(&self) -> String {
        unimplemented!("owner: keys room")
    }
}
