//! When a key asks for the PIN, and when for a touch.

use crate::apdu::Status;
use crate::firmware::Firmware;
use crate::slot::Slot;

/// When a key asks for the PIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PinPolicy {
    Never = 1,
    Once = 2,
    Always = 3,
}

/// When a key asks for a touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TouchPolicy {
    Never = 1,
    Always = 2,
    Cached = 3,
}

/// Both, as they are kept with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) pin: PinPolicy,
    pub(crate) touch: TouchPolicy,
}

impl Policy {
    /// Reads tags AA and AB of GENERATE and IMPORT; absent or 0 means the slot's default.
    pub(crate) fn read(pin: Option<&[u8]>, touch: Option<&[u8]>, slot: Slot, has: Firmware) -> Result<Self, Status> {
        let pin = match pin {
            None | Some([0]) => slot.default_pin_policy(),
            Some([1]) => PinPolicy::Never,
            Some([2]) => PinPolicy::Once,
            Some([3]) => PinPolicy::Always,
            // 4 and 5 are of the Bio series, which this card is not.
            _ => return Err(Status::WRONG_DATA),
        };
        let touch = match touch {
            None | Some([0 | 1]) => TouchPolicy::Never,
            Some([2]) => TouchPolicy::Always,
            Some([3]) if has.has_cached_touch() => TouchPolicy::Cached,
            _ => return Err(Status::WRONG_DATA),
        };
        Ok(Self { pin, touch })
    }

    /// As metadata and attestations tell them.
    pub(crate) fn bytes(self) -> [u8; 2] {
        [self.pin as u8, self.touch as u8]
    }
}
