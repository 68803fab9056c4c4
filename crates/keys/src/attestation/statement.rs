//! What the leaf says of its key: Yubico's extensions under 1.3.6.1.4.1.41482.3 (Yubico, "PIV attestation").

use x509_cert::der::Decode as _;
use x509_cert::der::asn1::{ObjectIdentifier, UintRef};

use super::AttestationError;
use super::link::Link;
use crate::piv::metadata::{pin_policy, touch_policy};
use crate::{Firmware, PinPolicy, PublicKey, TouchPolicy};

const FIRMWARE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.41482.3.3");
const SERIAL: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.41482.3.7");
const POLICIES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.41482.3.8");

/// How the subjects of such certificates begin; the slot follows.
const SUBJECT: &str = "YubiKey PIV Attestation ";

/// A statement, not yet proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) key: PublicKey,
    pub(crate) firmware: Firmware,
    pub(crate) serial: Option<u32>,
    pub(crate) touch: TouchPolicy,
    pub(crate) pin: PinPolicy,
    pub(crate) slot: Option<u8>,
}

/// What a card says of its key, taken at its word.
pub(crate) fn read(leaf: &[u8]) -> Option<Statement> {
    Statement::of(&Link::read(leaf, "the attestation's certificate").ok()?).ok()
}

/// Whether a certificate is about a key in a slot, rather than a device's or a maker's.
pub(crate) fn is_about_a_key(link: &Link<'_>) -> bool {
    link.extension(POLICIES).is_some() || slot_of(link).is_some()
}

impl Statement {
    pub(crate) fn of(leaf: &Link<'_>) -> Result<Self, AttestationError> {
        let wrong =
            |reason: &str| AttestationError::NoStatement { which: leaf.name().to_owned(), reason: reason.to_owned() };
        let Some(policies) = leaf.extension(POLICIES) else {
            return Err(wrong("it has no policies (extension 1.3.6.1.4.1.41482.3.8)"));
        };
        let &[pin, touch] = policies else { return Err(wrong("its policies are not two bytes")) };
        let Some(&[major, minor, patch]) = leaf.extension(FIRMWARE) else {
            return Err(wrong("it has no firmware version (extension 1.3.6.1.4.1.41482.3.3)"));
        };
        let serial = leaf.extension(SERIAL).map(serial).map(|serial| serial.ok_or(()));
        Ok(Self {
            key: leaf.key()?,
            firmware: Firmware::new(major, minor, patch),
            serial: serial.transpose().map_err(|()| wrong("its serial number is none"))?,
            touch: touch_policy(touch).ok_or_else(|| wrong("its touch policy is unknown"))?,
            pin: pin_policy(pin).ok_or_else(|| wrong("its PIN policy is unknown"))?,
            slot: slot_of(leaf),
        })
    }
}

/// A DER INTEGER that fits.
fn serial(bytes: &[u8]) -> Option<u32> {
    let number = UintRef::from_der(bytes).ok()?;
    let bytes = number.as_bytes();
    (bytes.len() <= 4).then(|| bytes.iter().fold(0, |number, &byte| number << 8 | u32::from(byte)))
}

fn slot_of(link: &Link<'_>) -> Option<u8> {
    let (_, slot) = link.name().split_once(SUBJECT)?;
    u8::from_str_radix(slot.get(..2)?, 16).ok()
}
