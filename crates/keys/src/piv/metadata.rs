//! What a card tells about a key or a secret (GET METADATA, firmware 5.3 and later).

use super::tlv::Tlv;
use crate::{Algorithm, PinPolicy, PublicKey, TouchPolicy};

/// GET METADATA.
pub(crate) const GET_METADATA: u8 = 0xf7;

/// Yubico's and NIST's numbers of algorithms (SP 800-78-4 table 6-2).
pub(crate) const P256: u8 = 0x11;
pub(crate) const P384: u8 = 0x14;
pub(crate) const ED25519: u8 = 0xe0;

/// What a card tells about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyMetadata {
    /// The algorithm's number on the card.
    pub number: u8,
    /// When the PIN is wanted; `None` where it is the slot's own way.
    pub pin: Option<PinPolicy>,
    /// When a touch is wanted.
    pub touch: Option<TouchPolicy>,
    /// Whether it was made inside.
    pub generated: Option<bool>,
    /// The public half; `None` where it is of a kind that is not known here.
    pub public: Option<PublicKey>,
}

/// What a card tells about PIN, PUK or management key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SecretMetadata {
    /// Whether it is still that of the factory.
    pub factory: Option<bool>,
    /// How often it may still be wrong.
    pub tries_left: Option<u8>,
    /// A management key's algorithm.
    pub number: Option<u8>,
    /// When a touch is wanted for a proof of the management key.
    pub touch: Option<TouchPolicy>,
}

impl KeyMetadata {
    /// Reads the answer; `None` where it is none.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let &[number] = Tlv::find(bytes, 0x01)? else { return None };
        let policies = Tlv::find(bytes, 0x02).unwrap_or_default();
        Some(Self {
            number,
            pin: policies.first().copied().and_then(pin_policy),
            touch: policies.get(1).copied().and_then(touch_policy),
            generated: match Tlv::find(bytes, 0x03) {
                Some([1]) => Some(true),
                Some([2]) => Some(false),
                _ => None,
            },
            public: Tlv::find(bytes, 0x04).and_then(|template| public_key(number, template)),
        })
    }
}

impl SecretMetadata {
    /// Reads the answer.
    pub fn read(bytes: &[u8]) -> Self {
        Self {
            factory: Tlv::find(bytes, 0x05).and_then(|value| value.first()).map(|value| *value == 1),
            // The number of tries at all, and of those that are left.
            tries_left: Tlv::find(bytes, 0x06).and_then(|value| value.get(1)).copied(),
            number: Tlv::find(bytes, 0x01).and_then(|value| value.first()).copied(),
            touch: Tlv::find(bytes, 0x02).and_then(|value| value.get(1)).copied().and_then(touch_policy),
        }
    }
}

/// The public half as cards write it: the inside of template 7F49 (SP 800-73-4 part 2 table 11).
pub(crate) fn public_key(number: u8, template: &[u8]) -> Option<PublicKey> {
    match number {
        P256 | P384 | ED25519 => {
            let point = Tlv::find(template, 0x86)?;
            PublicKey::from_point(algorithm(number)?, point).ok()
        }
        _ => PublicKey::from_rsa(Tlv::find(template, 0x81)?, Tlv::find(template, 0x82)?).ok(),
    }
}

/// The algorithm by its number on cards; `None` for what neither signs nor verifies here.
pub(crate) fn algorithm(number: u8) -> Option<Algorithm> {
    Some(match number {
        P256 => Algorithm::EcdsaP256,
        P384 => Algorithm::EcdsaP384,
        ED25519 => Algorithm::Ed25519,
        0x06 => Algorithm::Rsa { bits: 1024 },
        0x07 => Algorithm::Rsa { bits: 2048 },
        0x05 => Algorithm::Rsa { bits: 3072 },
        0x16 => Algorithm::Rsa { bits: 4096 },
        _ => return None,
    })
}

/// The number on cards of what signs here.
pub(crate) fn number(algorithm: Algorithm) -> Option<u8> {
    match algorithm {
        Algorithm::EcdsaP256 => Some(P256),
        Algorithm::EcdsaP384 => Some(P384),
        Algorithm::Ed25519 => Some(ED25519),
        Algorithm::Rsa { .. } => None,
    }
}

/// 4 and 5 are a finger's print or the PIN, on cards that read prints.
pub(crate) fn pin_policy(byte: u8) -> Option<PinPolicy> {
    match byte {
        1 => Some(PinPolicy::Never),
        2 | 4 => Some(PinPolicy::Once),
        3 | 5 => Some(PinPolicy::Always),
        _ => None,
    }
}

pub(crate) fn touch_policy(byte: u8) -> Option<TouchPolicy> {
    match byte {
        1 => Some(TouchPolicy::Never),
        2 => Some(TouchPolicy::Always),
        3 => Some(TouchPolicy::Cached),
        _ => None,
    }
}

pub(crate) fn pin_byte(policy: PinPolicy) -> u8 {
    match policy {
        PinPolicy::Never => 1,
        PinPolicy::Once => 2,
        PinPolicy::Always => 3,
    }
}

pub(crate) fn touch_byte(policy: TouchPolicy) -> u8 {
    match policy {
        TouchPolicy::Never => 1,
        TouchPolicy::Always => 2,
        TouchPolicy::Cached => 3,
    }
}
