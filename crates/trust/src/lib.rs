//! What is signed, and by whom.
//!
//! Signatures of images in three formats ([`Format`]): Sigstore bundles as cosign 3 writes them, the tag of cosign before,
//! and notation's. They lie beside the image, in its own registry.
//!
//! 1. A [`RegistryAuthor`] builds what is signed out of the registry; whoever holds the key signs it; [`publish()`] holds
//!    the result against the key and writes it. [`sign()`] is all of it, for a key at hand.
//! 2. A [`SignatureSource`] finds the signatures of an image again: [`RegistrySignatures`] over HTTP, [`StoredSignatures`] in
//!    the server's own store.
//! 3. A [`Verifier`] checks them against keys and certificates, and attaches what a device attests of a key. Of those that
//!    do not hold, it keeps why ([`Examination`]).
//! 4. [`revocation`] says what is no longer trusted, [`statements`] what else is said of an image, [`tree`] shows it all.
//!
//! # Which digest is signed
//!
//! What the tag points to: for an image of several platforms the index, as `cosign sign` does by default. An index names
//! its platform manifests by digest, so a signature of the index is one of each of them, for whoever came to the manifest
//! through that index and checked its bytes ([`Verifier::examine_image`] with the index's digest). It is none for whoever
//! asks for the platform manifest by its own digest, since nothing tells there which index to look at; sign the manifest
//! itself for those.
//!
//! # What a signature says
//!
//! Only a statement whose predicate type is `https://sigstore.dev/cosign/sign/v1` is a signature of an image; others that
//! lie in the same place (provenance, SBOMs) are not. Ours carry repository and tag as annotations of the signed subject;
//! those of cosign carry the digest alone. A tag in a signature does not stop an old signed image from being put back
//! under that tag: that needs TUF.
//!
//! # Specifications
//!
//! Sigstore bundle v0.3 (public keys; no certificates, no transparency log), DSSE 1.0, in-toto attestation v1, simple signing,
//! Notary Project signatures (JWS), RFC 3161, OCI distribution-spec 1.1. Left out: keyless signatures, COSE, TUF.

mod artifact;
pub mod attested;
pub mod author;
pub mod bundle;
pub mod cache;
pub mod certified;
mod chain;
pub mod cosign_tag;
pub mod dsse;
pub mod error;
pub mod format;
pub mod notation;
mod platforms;
pub mod publish;
pub mod registry;
pub mod rejection;
pub mod revocation;
pub mod sign;
pub mod simple_signing;
pub mod source;
pub mod statement;
pub mod statements;
pub mod stored;
pub mod tree;
pub mod verify;
pub mod withdraw;

pub use author::RegistryAuthor;
pub use bundle::Bundle;
pub use cache::Cache;
pub use certified::Certified;
pub use dsse::Envelope;
pub use error::TrustError;
pub use format::Format;
pub use platforms::platforms;
pub use publish::{Published, publish};
pub use registry::RegistrySignatures;
pub use rejection::Rejection;
pub use sign::{Subject, sign};
pub use source::{Content, Found, SignatureSource};
pub use statement::Statement;
pub use stored::StoredSignatures;
pub use verify::{Examination, Signature, Verifier};
