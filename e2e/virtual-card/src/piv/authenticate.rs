//! GENERAL AUTHENTICATE (SP 800-73-4 part 2 §3.2.4): proving the management key, and using the others.

use super::{Awaited, Piv};
use crate::algorithm::Algorithm;
use crate::apdu::{Answer, Status};
use crate::key;
use crate::policy::{PinPolicy, TouchPolicy};
use crate::slot::Slot;
use crate::tlv;

/// The management key's reference.
const MANAGEMENT: u8 = 0x9b;

/// Tags inside 7C.
const WITNESS: u8 = 0x80;
const CHALLENGE: u8 = 0x81;
const RESPONSE: u8 = 0x82;
const EXPONENTIATION: u8 = 0x85;

impl Piv {
    pub(super) fn authenticate(&mut self, algorithm: u8, reference: u8, data: &[u8], pin_just_now: bool) -> Answer {
        let fields = tlv::elements(tlv::unwrap(data, 0x7c)?)?;
        let answer = if reference == MANAGEMENT {
            self.prove_management_key(algorithm, &fields)?
        } else {
            let answer = self.use_key(algorithm, Slot::read(reference)?, &fields, pin_just_now)?;
            Some((RESPONSE, answer))
        };
        Ok(answer.map_or_else(Vec::new, |(tag, value)| tlv::element(&[0x7c], &tlv::element(&[tag], &value))))
    }

    fn prove_management_key(&mut self, algorithm: u8, fields: &[(u8, &[u8])]) -> Result<Option<(u8, Vec<u8>)>, Status> {
        if !self.management.is_of(algorithm) {
            return Err(Status::WRONG_DATA);
        }
        let field = |tag| tlv::find(fields, tag);
        match (self.session.awaited.take(), field(WITNESS), field(CHALLENGE), field(RESPONSE)) {
            (_, Some([]), None, _) => {
                let witness = self.nonce();
                let encrypted = self.management.encrypt(&witness)?;
                self.session.awaited = Some(Awaited::Witness(witness));
                Ok(Some((WITNESS, encrypted)))
            }
            (_, None, Some([]), _) => {
                let challenge = self.nonce();
                self.session.awaited = Some(Awaited::Challenge(challenge.clone()));
                Ok(Some((CHALLENGE, challenge)))
            }
            (Some(Awaited::Witness(expected)), Some(witness), Some(challenge), _) => {
                self.accept(witness == expected)?;
                Ok(Some((RESPONSE, self.management.encrypt(challenge)?)))
            }
            (Some(Awaited::Challenge(challenge)), None, None, Some(response)) => {
                let expected = self.management.encrypt(&challenge)?;
                self.accept(response == expected)?;
                Ok(None)
            }
            (None, ..) => Err(Status::CONDITIONS),
            _ => Err(Status::WRONG_DATA),
        }
    }

    /// The proof came. A management key may want a touch as well.
    fn accept(&mut self, right: bool) -> Result<(), Status> {
        self.session.management = false;
        if !right {
            return Err(Status::SECURITY);
        }
        self.sensor.need(self.management.touch)?;
        self.session.management = true;
        Ok(())
    }

    fn nonce(&self) -> Vec<u8> {
        key::random::<16>()[..self.management.block()].to_vec()
    }

    fn use_key(&mut self, algorithm: u8, slot: Slot, fields: &[(u8, &[u8])], pin_just_now: bool) -> Answer {
        // An empty slot and the wrong algorithm are wrong data to the card (as yubikey-manager's source notes).
        let stored = self.keys.get(&slot).ok_or(Status::WRONG_DATA)?;
        if Algorithm::read(algorithm, self.firmware)? != stored.secret.algorithm() {
            return Err(Status::WRONG_DATA);
        }
        let pin = match stored.policy.pin {
            PinPolicy::Never => true,
            PinPolicy::Once => self.session.pin,
            PinPolicy::Always => pin_just_now,
        };
        if !pin {
            return Err(Status::SECURITY);
        }
        let touch: TouchPolicy = stored.policy.touch;
        self.sensor.need(touch)?;
        match (tlv::find(fields, CHALLENGE), tlv::find(fields, EXPONENTIATION)) {
            (Some(data), None) => stored.secret.sign(data),
            (None, Some(point)) => stored.secret.agree(point),
            _ => Err(Status::WRONG_DATA),
        }
    }
}
