//! The places of a card that hold keys (SP 800-73-4 part 1, table 4b; Yubico's F9).

/// Authentication.
pub const AUTHENTICATION: u8 = 0x9a;
/// Signatures: where a key goes when nobody says otherwise.
pub const SIGNATURE: u8 = 0x9c;
/// Key management.
pub const KEY_MANAGEMENT: u8 = 0x9d;
/// Card authentication.
pub const CARD_AUTHENTICATION: u8 = 0x9e;
/// The key that attests others.
pub(crate) const ATTESTATION: u8 = 0xf9;
/// The management key.
pub(crate) const MANAGEMENT: u8 = 0x9b;
/// The PIN, where commands name it like a slot.
pub(crate) const PIN: u8 = 0x80;
/// The PUK.
pub(crate) const PUK: u8 = 0x81;

/// Those that may hold a key for signing, the most usual first: four with a purpose, and the twenty retired ones.
pub fn all() -> impl Iterator<Item = u8> {
    [SIGNATURE, AUTHENTICATION, KEY_MANAGEMENT, CARD_AUTHENTICATION].into_iter().chain(0x82..=0x95)
}

/// The object in which the slot's certificate lies; `None` where there is no such slot.
pub(crate) fn certificate_object(slot: u8) -> Option<u32> {
    match slot {
        AUTHENTICATION => Some(0x005f_c105),
        SIGNATURE => Some(0x005f_c10a),
        KEY_MANAGEMENT => Some(0x005f_c10b),
        CARD_AUTHENTICATION => Some(0x005f_c101),
        0x82..=0x95 => Some(0x005f_c10d + u32::from(slot - 0x82)),
        ATTESTATION => Some(0x005f_ff01),
        _ => None,
    }
}

/// What the slot is for, in words.
pub fn purpose(slot: u8) -> &'static str {
    match slot {
        AUTHENTICATION => "authentication",
        SIGNATURE => "signature",
        KEY_MANAGEMENT => "key management",
        CARD_AUTHENTICATION => "card authentication",
        0x82..=0x95 => "retired key management",
        ATTESTATION => "attestation",
        _ => "unknown",
    }
}
