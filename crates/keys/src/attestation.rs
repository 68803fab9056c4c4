//! A device's own statement about a key in it.

mod chain;
mod link;
pub(crate) mod statement;

use std::time::SystemTime;

use crate::{Firmware, PinPolicy, PublicKey, TouchPolicy};

/// Certificates (X.509, DER) by which a device says that it made a key: the leaf carries the key and its policies,
/// the others lead towards the maker's root. Nothing in it is proved before it was verified against a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attestation {
    /// The certificate of the key.
    pub leaf: Vec<u8>,
    /// The certificates above it, without the root, the device's own first.
    pub intermediates: Vec<Vec<u8>>,
}

/// What a verified attestation proves: the policy of a key, not any single act of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attested {
    /// The key that was made inside the device.
    pub key: PublicKey,
    /// The device's serial number, where the certificate has it.
    pub serial: Option<u32>,
    /// The firmware at the time of the attestation.
    pub firmware: Firmware,
    /// When the key wants a touch.
    pub touch: TouchPolicy,
    /// When the key wants the PIN.
    pub pin: PinPolicy,
    /// The slot that the certificate names.
    pub slot: Option<u8>,
    /// The subject of the root that the chain ends in.
    pub root: String,
}

/// Why an attestation proves nothing. `which` names the certificate by its subject.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttestationError {
    /// There is nothing to verify against.
    #[error(
        "no vendor's root is configured, so no attestation proves anything; Yubico publishes its own as \"Yubico PIV \
         Root CA Serial 263751\" (devices before firmware 5.7.4) and \"Yubico Attestation Root 1\" with its \
         intermediates (since): name the file that you put them into with --root FILE, or in the configuration file \
         (attestation-roots)"
    )]
    NoRoots,
    /// It is larger than any.
    #[error("the attestation has {0}, which is more than any device's")]
    Bounds(String),
    /// A certificate that is none.
    #[error("{which} is no X.509 certificate: {reason}")]
    Malformed {
        /// Which one.
        which: String,
        /// What is wrong.
        reason: String,
    },
    /// A certificate is not valid at this time.
    #[error("{which} is not valid now ({reason})")]
    Time {
        /// Which one.
        which: String,
        /// Its limits.
        reason: String,
    },
    /// The chain does not reach a root.
    #[error(
        "{which} was issued by {issuer:?}, which is neither part of the attestation nor a configured root; if it is the \
         device's maker's, add its certificate to the roots"
    )]
    NoRoot {
        /// The last certificate that was reached.
        which: String,
        /// Who issued it.
        issuer: String,
    },
    /// A certificate stands above another and must not.
    #[error("{which} may not vouch for other certificates: {reason}")]
    NoAuthority {
        /// Which one.
        which: String,
        /// Why not.
        reason: &'static str,
    },
    /// The leaf is no statement about a key.
    #[error("{which} states nothing about a key: {reason}")]
    NoStatement {
        /// Which one.
        which: String,
        /// What is missing or wrong.
        reason: String,
    },
    /// The statement is about another key.
    #[error("the attestation is about the key {attested}, and the signature was made by the key {signer}")]
    OtherKey {
        /// The attested key's fingerprint.
        attested: String,
        /// The signer's.
        signer: String,
    },
}

/// Verifies an attestation against the vendors' roots (DER; intermediates that a vendor publishes may stand among them),
/// and tells what it proves. Nothing is fetched.
pub fn verify(attestation: &Attestation, roots: &[Vec<u8>], now: SystemTime) -> Result<Attested, AttestationError> {
    chain::verify(attestation, roots, now)
}

/// The same, of this very key: whoever signs must be the one who is attested.
pub fn verify_for(
    key: &PublicKey,
    attestation: &Attestation,
    roots: &[Vec<u8>],
    now: SystemTime,
) -> Result<Attested, AttestationError> {
    let attested = verify(attestation, roots, now)?;
    if attested.key == *key {
        return Ok(attested);
    }
    Err(AttestationError::OtherKey { attested: attested.key.fingerprint(), signer: key.fingerprint() })
}
