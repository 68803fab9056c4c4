//! PIN and PUK of a card (SP 800-73-4 part 2, section 3.2).

use zeroize::Zeroizing;

use super::apdu::Command;
use super::card::Card;
use super::error::CardError;
use super::slot;
use super::status::Status;
use super::tlv::Writer;
use crate::{KeyError, Pin};

const VERIFY: u8 = 0x20;
const CHANGE_REFERENCE_DATA: u8 = 0x24;
const RESET_RETRY_COUNTER: u8 = 0x2c;

/// What every YubiKey and most other cards come with.
pub(crate) const FACTORY_PIN: &[u8] = b"123456";
pub(crate) const FACTORY_PUK: &[u8] = b"12345678";

const WIDTH: usize = 8;

/// One of a card's two secrets for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secret {
    Pin,
    Puk,
}

impl Secret {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pin => "PIN",
            Self::Puk => "PUK",
        }
    }

    fn reference(self) -> u8 {
        match self {
            Self::Pin => slot::PIN,
            Self::Puk => slot::PUK,
        }
    }
}

impl Card {
    /// How often the PIN may still be wrong; `None` where the card does not tell without a PIN.
    pub(crate) fn pin_tries(&mut self) -> Result<Option<u8>, KeyError> {
        let response = self.send("telling how many tries the PIN has", &Command::new(VERIFY, 0, slot::PIN))?;
        Ok(match response.status {
            Status::TriesLeft(left) => Some(left),
            Status::Blocked => Some(0),
            _ => None,
        })
    }

    /// Unlocks the card.
    pub(crate) fn verify_pin(&mut self, pin: &Pin) -> Result<(), KeyError> {
        let data = self.padded(Secret::Pin, pin)?;
        let command = Command::new(VERIFY, 0, slot::PIN).with(data);
        self.judged(Secret::Pin, "the PIN was checked", &command)
    }

    /// Sets another PIN or PUK in place of the present one.
    pub(crate) fn change(&mut self, secret: Secret, present: &Pin, new: &Pin) -> Result<(), KeyError> {
        let both = self.padded(secret, present)?.raw(self.padded(secret, new)?.as_bytes());
        let command = Command::new(CHANGE_REFERENCE_DATA, 0, secret.reference()).with(both);
        self.judged(secret, "another PIN or PUK was set", &command)
    }

    /// Sets another PIN by the PUK.
    pub(crate) fn unblock(&mut self, puk: &Pin, new: &Pin) -> Result<(), KeyError> {
        let both = self.padded(Secret::Puk, puk)?.raw(self.padded(Secret::Pin, new)?.as_bytes());
        let command = Command::new(RESET_RETRY_COUNTER, 0, slot::PIN).with(both);
        self.judged(Secret::Puk, "the PIN was unblocked", &command)
    }

    fn judged(&mut self, secret: Secret, doing: &'static str, command: &Command) -> Result<(), KeyError> {
        let device = self.device().to_owned();
        let blocked = || match secret {
            Secret::Pin => CardError::PinBlocked { device: device.clone() },
            Secret::Puk => CardError::PukBlocked { device: device.clone() },
        };
        match self.send(doing, command)?.status {
            Status::Success => Ok(()),
            Status::Blocked | Status::TriesLeft(0) => Err(blocked().into()),
            Status::TriesLeft(left) => {
                Err(CardError::Wrong { device: device.clone(), secret: secret.name(), left }.into())
            }
            // Firmware 5.7 can be set to refuse what is easy to guess (111111, 123456).
            Status::BadData | Status::ConditionsNotSatisfied => {
                let reason = "it is too easy to guess for this card; take one without repetitions and runs".to_owned();
                Err(CardError::Unfit { device, what: "this PIN or PUK", reason }.into())
            }
            status => Err(self.refused(doing, status)),
        }
    }

    /// Six to eight bytes, with FF behind (SP 800-73-4 part 2, section 2.4.3).
    fn padded(&self, secret: Secret, pin: &Pin) -> Result<Writer, KeyError> {
        if !is_form(pin) {
            return Err(CardError::Form { device: self.device().to_owned(), secret: secret.name() }.into());
        }
        let mut bytes = Zeroizing::new([0xff; WIDTH]);
        bytes[..pin.as_bytes().len()].copy_from_slice(pin.as_bytes());
        Ok(Writer::new().raw(bytes.as_ref()))
    }
}

fn is_form(pin: &Pin) -> bool {
    (6..=WIDTH).contains(&pin.as_bytes().len()) && pin.as_bytes().iter().all(|byte| (0x20..0x7f).contains(byte))
}
