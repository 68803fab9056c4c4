//! Where a key lies.

use crate::apdu::Status;
use crate::policy::PinPolicy;

/// A key reference of SP 800-73-4 table 4b, or Yubico's F9.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot(u8);

impl Slot {
    pub(crate) const SIGNATURE: Self = Self(0x9c);
    pub(crate) const CARD_AUTHENTICATION: Self = Self(0x9e);
    pub(crate) const ATTESTATION: Self = Self(0xf9);

    pub(crate) fn read(byte: u8) -> Result<Self, Status> {
        match byte {
            0x9a | 0x9c..=0x9e | 0x82..=0x95 | 0xf9 => Ok(Self(byte)),
            _ => Err(Status::NO_SUCH_SLOT),
        }
    }

    /// SP 800-73-4 table 4b: the signature key wants the PIN each time, the card authentication key never.
    pub(crate) fn default_pin_policy(self) -> PinPolicy {
        match self {
            Self::SIGNATURE => PinPolicy::Always,
            Self::CARD_AUTHENTICATION => PinPolicy::Never,
            _ => PinPolicy::Once,
        }
    }

    /// As it stands in the subject of an attestation.
    pub(crate) fn name(self) -> String {
        format!("{:02x}", self.0)
    }
}
