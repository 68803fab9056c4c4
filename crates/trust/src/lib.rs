//! What is signed, and by whom.
//!
//! Signatures are Sigstore bundles (DSSE envelopes over an in-toto statement) that lie in the image's own registry
//! as OCI 1.1 referrers, as cosign 3 writes and reads them.

use image::Digest;
use keys::PublicKey;
use thiserror::Error;

/// Where the signature bundles of an image are read from: a registry over HTTP, or the server's own store.
pub trait SignatureSource {
    /// The bytes of every Sigstore bundle that refers to `image`. A bundle that cannot be read is an error entry,
    /// not the end of the list.
    fn bundles(&self, image: &Digest) -> Result<Vec<Vec<u8>>, TrustError>;
}

/// A signature of an image that verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The key that made it.
    pub key: PublicKey,
    /// The repository that the signer said it is for, from our own signed annotation.
    pub repository: Option<String>,
    /// The tag, likewise.
    pub tag: Option<String>,
}

/// Checks signatures against a set of trusted keys.
#[derive(Clone, Debug)]
pub struct Verifier {
    keys: Vec<PublicKey>,
}

/// Why something could not be signed or verified. (Variants by the trust room's owner.)
#[derive(Debug, Error)]
#[error("{0}")]
pub struct TrustError(pub String);

impl Verifier {
    /// A verifier that trusts these keys and no other.
    pub fn new(keys: Vec<PublicKey>) -> Self {
        Self { keys }
    }

    /// The keys.
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// Every valid signature of `image` by a trusted key, one a key; signatures by others and broken ones are left out.
    pub fn verify(&self, _image: &Digest, _source: &dyn SignatureSource) -> Result<Vec<Signature>, TrustError> {
        unimplemented!("owner: trust room")
    }
}
