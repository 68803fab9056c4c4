//! What is signed, and by whom.
//!
//! Signatures are Sigstore bundles (DSSE envelopes over an in-toto statement) that lie in the image's own registry
//! as OCI 1.1 referrers, as cosign 3 writes and reads them.
//!
//! 1. [`sign()`] makes a [`Statement`] about an image's digest, signs it in an [`Envelope`], wraps that in a [`Bundle`]
//!    and writes it to the registry as a referrer of the image.
//! 2. A [`SignatureSource`] finds the bundles of an image again: [`RegistrySignatures`] over HTTP, [`StoredSignatures`] in
//!    the server's own store.
//! 3. A [`Verifier`] checks them against keys. Of bundles that do not hold, it keeps why ([`Examination`]).
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
//! Sigstore bundle v0.3 (public keys; no certificates, no transparency log), DSSE 1.0, in-toto attestation v1, OCI
//! distribution-spec 1.1. Left out: signatures of cosign before version 3 (`sha256-….sig`), notation, TUF.

mod artifact;
pub mod attested;
pub mod author;
pub mod bundle;
pub mod certified;
mod chain;
pub mod cosign_tag;
pub mod dsse;
pub mod error;
pub mod format;
pub mod notation;
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
pub use certified::Certified;
pub use dsse::Envelope;
pub use error::TrustError;
pub use format::Format;
pub use publish::{Published, publish};
pub use registry::RegistrySignatures;
pub use rejection::Rejection;
pub use sign::{Subject, sign};
pub use source::{Content, Found, SignatureSource};
pub use statement::Statement;
pub use stored::StoredSignatures;
pub use verify::{Examination, Signature, Verifier};
