//! VERIFY, CHANGE REFERENCE DATA, RESET RETRY COUNTER (SP 800-73-4 part 2 §3.2) and Yubico's SET PIN RETRIES.

use super::Piv;
use crate::apdu::{Answer, Status};

/// Key references of PIN and PUK.
const PIN: u8 = 0x80;
const PUK: u8 = 0x81;

impl Piv {
    pub(super) fn verify(&mut self, p1: u8, p2: u8, data: &[u8]) -> Answer {
        if p2 != PIN {
            return Err(Status::NO_SUCH_REFERENCE);
        }
        match (p1, data) {
            (0xff, []) if self.firmware.has_forget_pin() => {
                self.session.pin = false;
                Ok(Vec::new())
            }
            // A question: 90 00 where the PIN was given already, and otherwise how often one may try.
            (0, []) if self.session.pin => Ok(Vec::new()),
            (0, []) => Err(self.pin.state()),
            (0, value) if value.len() == 8 => {
                self.session.pin = false;
                self.pin.check(value)?;
                self.session.pin = true;
                self.session.pin_just_now = true;
                Ok(Vec::new())
            }
            (0, _) => Err(Status::WRONG_DATA),
            _ => Err(Status::WRONG_PARAMETERS),
        }
    }

    pub(super) fn change_reference(&mut self, p1: u8, p2: u8, data: &[u8]) -> Answer {
        if p1 != 0 {
            return Err(Status::WRONG_PARAMETERS);
        }
        let (old, new) = both(data)?;
        let pin = match p2 {
            PIN => &mut self.pin,
            PUK => &mut self.puk,
            _ => return Err(Status::NO_SUCH_REFERENCE),
        };
        pin.check(old)?;
        pin.change(new)?;
        Ok(Vec::new())
    }

    /// A new PIN for who knows the PUK.
    pub(super) fn reset_retry(&mut self, p1: u8, p2: u8, data: &[u8]) -> Answer {
        match (p1, p2) {
            (0, PIN) => {}
            (0, _) => return Err(Status::NO_SUCH_REFERENCE),
            _ => return Err(Status::WRONG_PARAMETERS),
        }
        let (puk, pin) = both(data)?;
        self.puk.check(puk)?;
        self.pin.change(pin)?;
        Ok(Vec::new())
    }

    /// Both start again with their values of the factory.
    pub(super) fn set_retries(&mut self, pin: u8, puk: u8) -> Answer {
        self.needs_management_key()?;
        if !self.session.pin {
            return Err(Status::SECURITY);
        }
        if pin == 0 || puk == 0 {
            return Err(Status::WRONG_DATA);
        }
        self.pin.restart(pin);
        self.puk.restart(puk);
        Ok(Vec::new())
    }
}

/// Two values of eight bytes.
fn both(data: &[u8]) -> Result<(&[u8], &[u8]), Status> {
    if data.len() == 16 { Ok(data.split_at(8)) } else { Err(Status::WRONG_DATA) }
}
