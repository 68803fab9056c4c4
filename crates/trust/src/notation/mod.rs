//! Signatures of the Notary Project, as notation writes them (notaryproject/specifications, `signature-specification.md`,
//! `signature-envelope-jws.md`): a flattened JWS over the descriptor of the image, with the signer's certificates and,
//! on wish, an authority's timestamp beside it.
//!
//! 1. [`unsigned`] builds what is signed, [`envelope::Unsigned::signed`] the envelope around it.
//! 2. [`Envelope::parse`] reads one, [`Envelope::check_signature`] holds it against the key of its first certificate. Who
//!    that is decides the [`crate::Verifier`]: a key that is trusted by name, or a chain to a trusted certificate.
//!
//! Left out: COSE, the scheme of signing authorities, verification plugins, online revocation (OCSP, CRL), keys on P-521.

pub mod authority;
pub mod envelope;
mod payload;
pub mod timestamping;

pub use authority::Authority;
pub use envelope::{Envelope, Unsigned};
pub use payload::unsigned;
pub(crate) use payload::{Descriptor, said_of};

/// What a signature is, as an artifact.
pub const ARTIFACT_TYPE: &str = "application/vnd.cncf.notary.signature";
/// A signature in JWS.
pub const JWS: &str = "application/jose+json";
/// A signature in COSE.
pub const COSE: &str = "application/cose";
/// The annotation of the manifest with SHA-256 over each certificate, as a list in JSON.
pub const THUMBPRINTS: &str = "io.cncf.notary.x509chain.thumbprint#S256";
/// Most bytes that are read of one. With four certificates and a timestamp they have some 12,000.
pub const LIMIT: u64 = 1 << 20;
/// Certificates in one, at most.
pub const CERTIFICATES: usize = 16;
