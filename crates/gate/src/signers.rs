//! Who must have signed, and with what kind of key.

use keys::{Firmware, PublicKey, TouchPolicy};
use trust::Format;

use crate::Age;

/// One demand for signatures.
#[derive(Clone, Debug)]
pub struct Signers {
    /// The team whose keys these are, where the policy names one.
    pub team: Option<String>,
    /// The keys that count, no two the same.
    pub keys: Vec<TrustedKey>,
    /// Certificates that count (notation): signers' own, or those of authorities above them.
    pub certificates: Vec<TrustedCertificate>,
    /// Roots of the timestamping authorities whose word is believed about when a signature was made.
    pub timestamps: Vec<TrustedCertificate>,
    /// By how many different signers, at least one.
    pub threshold: usize,
    /// The forms of signature that count; all where empty.
    pub formats: Vec<Format>,
    /// How old a signature may be, by the time that it states under its own signature.
    pub not_older_than: Option<Age>,
    /// What of the image's name must have been signed.
    pub bind: Bind,
    /// What the key must be.
    pub hardware: Option<Hardware>,
}

/// A key and the name that the policy has for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedKey {
    /// The file as the policy names it.
    pub name: String,
    /// The key.
    pub key: PublicKey,
}

/// A certificate and the name that the policy has for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedCertificate {
    /// The file as the policy names it.
    pub name: String,
    /// X.509, DER.
    pub der: Vec<u8>,
}

/// What an attestation of the signer's key must prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hardware {
    /// The makers' roots that attestations must lead to.
    pub roots: Vec<TrustedCertificate>,
    /// The least that the key must ask of a finger; `Never` where any will do.
    pub touch: TouchPolicy,
    /// The oldest firmware that will do.
    pub firmware: Option<Firmware>,
}

/// What of the image's name must have been signed, beside its digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bind {
    /// Nothing: the digest is enough. Images may be copied between repositories.
    #[default]
    Digest,
    /// The repository that it comes from.
    Repository,
    /// Repository and tag.
    Tag,
}

impl Bind {
    /// The word in the policy file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Repository => "repository",
            Self::Tag => "tag",
        }
    }
}
