//! Keys made, imported, moved, deleted, and what may be known of them: GENERATE ASYMMETRIC KEY PAIR (SP 800-73-4 part 2
//! §3.3.2) and Yubico's IMPORT, MOVE KEY, GET METADATA and SET MANAGEMENT KEY.

use super::{Origin, Piv, StoredKey};
use crate::algorithm::Algorithm;
use crate::apdu::{Answer, Status};
use crate::key::PrivateKey;
use crate::management_key::ManagementKey;
use crate::pin::Pin;
use crate::policy::{Policy, TouchPolicy};
use crate::slot::Slot;
use crate::tlv;

/// Tags of the policies.
const PIN_POLICY: u8 = 0xaa;
const TOUCH_POLICY: u8 = 0xab;

impl Piv {
    pub(super) fn generate(&mut self, p1: u8, p2: u8, data: &[u8]) -> Answer {
        self.needs_management_key()?;
        if p1 != 0 {
            return Err(Status::WRONG_PARAMETERS);
        }
        let slot = Slot::read(p2)?;
        let fields = tlv::elements(tlv::unwrap(data, 0xac)?)?;
        let Some([algorithm]) = tlv::find(&fields, 0x80) else { return Err(Status::WRONG_DATA) };
        let algorithm = Algorithm::read(*algorithm, self.firmware)?;
        let policy = self.policy(&fields, slot)?;
        let secret = PrivateKey::generate(algorithm)?;
        let public = tlv::element(&[0x7f, 0x49], &secret.public());
        // A slot that holds a key is overwritten without a question: to ask is the other side's business.
        self.keys.insert(slot, StoredKey { secret, policy, origin: Origin::Generated });
        Ok(public)
    }

    pub(super) fn import(&mut self, p1: u8, p2: u8, data: &[u8]) -> Answer {
        self.needs_management_key()?;
        let slot = Slot::read(p2)?;
        let algorithm = Algorithm::read(p1, self.firmware)?;
        let fields = tlv::elements(data)?;
        let policy = self.policy(&fields, slot)?;
        let secret = PrivateKey::import(algorithm, &fields)?;
        self.keys.insert(slot, StoredKey { secret, policy, origin: Origin::Imported });
        Ok(Vec::new())
    }

    fn policy(&self, fields: &[(u8, &[u8])], slot: Slot) -> Result<Policy, Status> {
        Policy::read(tlv::find(fields, PIN_POLICY), tlv::find(fields, TOUCH_POLICY), slot, self.firmware)
    }

    /// P1 is the destination, FF for nowhere.
    pub(super) fn move_key(&mut self, to: u8, from: u8) -> Answer {
        self.needs_management_key()?;
        let from = Slot::read(from)?;
        if !self.keys.contains_key(&from) {
            return Err(Status::NO_SUCH_REFERENCE);
        }
        let to = if to == 0xff { None } else { Some(Slot::read(to)?) };
        if let Some(to) = to {
            // The attestation key may be deleted but not moved; what a real card says of the attempt was not seen.
            if from == Slot::ATTESTATION || to == Slot::ATTESTATION || self.keys.contains_key(&to) {
                return Err(Status::WRONG_DATA);
            }
        }
        let key = self.keys.remove(&from);
        if let (Some(to), Some(key)) = (to, key) {
            self.keys.insert(to, key);
        }
        Ok(Vec::new())
    }

    pub(super) fn metadata(&self, reference: u8) -> Answer {
        let mut answer = Vec::new();
        match reference {
            0x80 => pin_metadata(&self.pin, &mut answer),
            0x81 => pin_metadata(&self.puk, &mut answer),
            0x9b => {
                tlv::put(&mut answer, &[1], &[self.management.algorithm()]);
                tlv::put(&mut answer, &[2], &[0, self.management.touch as u8]);
                tlv::put(&mut answer, &[5], &[u8::from(self.management.is_default())]);
            }
            _ => {
                // Bio's 96 is no reference of this card either.
                let slot = Slot::read(reference).map_err(|_| Status::NO_SUCH_REFERENCE)?;
                let key = self.keys.get(&slot).ok_or(Status::NO_SUCH_REFERENCE)?;
                tlv::put(&mut answer, &[1], &[key.secret.algorithm() as u8]);
                tlv::put(&mut answer, &[2], &key.policy.bytes());
                tlv::put(&mut answer, &[3], &[key.origin as u8]);
                tlv::put(&mut answer, &[4], &key.secret.public());
            }
        }
        Ok(answer)
    }

    pub(super) fn set_management_key(&mut self, p1: u8, p2: u8, data: &[u8]) -> Answer {
        self.needs_management_key()?;
        let touch = match (p1, p2) {
            (0xff, 0xff) => TouchPolicy::Never,
            (0xff, 0xfe) => TouchPolicy::Always,
            (0xff, 0xfd) if self.firmware.has_cached_touch() => TouchPolicy::Cached,
            _ => return Err(Status::WRONG_PARAMETERS),
        };
        let [algorithm, 0x9b, length, value @ ..] = data else { return Err(Status::WRONG_DATA) };
        if value.len() != usize::from(*length) {
            return Err(Status::WRONG_DATA);
        }
        self.management = ManagementKey::new(*algorithm, value, touch, self.firmware)?;
        Ok(Vec::new())
    }
}

fn pin_metadata(pin: &Pin, answer: &mut Vec<u8>) {
    tlv::put(answer, &[1], &[0xff]);
    tlv::put(answer, &[5], &[u8::from(pin.is_default())]);
    tlv::put(answer, &[6], &pin.tries());
}
