//! Where a key's secret is, and what guards it.

use std::fmt;

/// Where a key's secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Custody {
    /// In a file, encrypted under a passphrase.
    File,
    /// On a PIV card.
    Card(CardKey),
    /// In a PKCS#11 token.
    Token {
        /// The token's label.
        label: String,
        /// Its maker, as it says itself.
        manufacturer: String,
    },
}

/// A key on a PIV card, as the card describes it; only an [`crate::Attestation`] proves any of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardKey {
    /// The card's serial number, where it tells one.
    pub serial: Option<u32>,
    /// The card's firmware.
    pub firmware: Firmware,
    /// The slot, `0x9c` for signatures.
    pub slot: u8,
    /// When a touch is wanted; `None` where the card does not tell (before firmware 5.3).
    pub touch: Option<TouchPolicy>,
    /// When the PIN is wanted; `None` where the card does not tell.
    pub pin: Option<PinPolicy>,
    /// Whether the card says that the key was made inside it.
    pub generated: Option<bool>,
}

/// A version of a card's firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Firmware {
    /// 5 in 5.4.3.
    pub major: u8,
    /// 4 in 5.4.3.
    pub minor: u8,
    /// 3 in 5.4.3.
    pub patch: u8,
}

/// When a key on a card wants a touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TouchPolicy {
    /// Never.
    Never,
    /// Once, and then for 15 s no more (from firmware 4.3).
    Cached,
    /// For each signature.
    Always,
}

/// When a key on a card wants the PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PinPolicy {
    /// Never.
    Never,
    /// Once until the card is reset.
    Once,
    /// For each signature.
    Always,
}

impl Firmware {
    /// A version.
    pub const fn new(major: u8, minor: u8, patch: u8) -> Self {
        Self { major, minor, patch }
    }
}

impl fmt::Display for Firmware {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl fmt::Display for TouchPolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Never => "never",
            Self::Cached => "cached",
            Self::Always => "always",
        })
    }
}

impl fmt::Display for PinPolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Never => "never",
            Self::Once => "once",
            Self::Always => "always",
        })
    }
}
