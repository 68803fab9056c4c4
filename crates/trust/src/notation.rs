//! Signatures of the Notary Project, as notation writes them.

/// What a signature is, as an artifact.
pub const ARTIFACT_TYPE: &str = "application/vnd.cncf.notary.signature";
/// A signature in JWS.
pub const JWS: &str = "application/jose+json";
/// A signature in COSE.
pub const COSE: &str = "application/cose";
/// Most bytes that are read of one: what notation's own readers take.
pub const LIMIT: u64 = 4 << 20;
