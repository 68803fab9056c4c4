//! A device's own statement about a key in it.

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

/// stub
pub fn verify(_: &Attestation, _: &[Vec<u8>], _: time::OffsetDateTime) -> Result<Attested, crate::KeyError> {
    Err(crate::KeyError::Cancelled)
}
