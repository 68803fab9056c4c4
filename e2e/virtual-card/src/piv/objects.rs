//! Data objects: GET DATA and PUT DATA (SP 800-73-4 part 2 §3.1.2 and §3.3.1).

use super::Piv;
use crate::apdu::{Answer, Status};
use crate::tlv;

/// What the card has room for in one object, and in all of them together.
const LARGEST: usize = 3052;
const ALL: usize = 51200;

/// An object's tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Object([u8; 3]);

impl Object {
    /// The certificate of F9.
    pub(crate) const ATTESTATION: Self = Self([0x5f, 0xff, 0x01]);

    /// Fingerprints, face, printed information and irises are shown to who gave the PIN (SP 800-73-4 part 1 table 2).
    fn needs_pin(&self) -> bool {
        matches!(self.0, [0x5f, 0xc1, 0x03 | 0x08 | 0x09 | 0x21])
    }
}

impl Piv {
    pub(super) fn get_data(&self, p1: u8, p2: u8, data: &[u8]) -> Answer {
        if (p1, p2) != (0x3f, 0xff) {
            return Err(Status::WRONG_PARAMETERS);
        }
        let tag = tlv::unwrap(data, 0x5c)?;
        if tag == [0x7e] {
            return Ok(discovery());
        }
        let object = read(tag)?;
        if object.needs_pin() && !self.session.pin {
            return Err(Status::SECURITY);
        }
        let value = self.objects.get(&object).ok_or(Status::NOT_FOUND)?;
        Ok(tlv::element(&[0x53], value))
    }

    pub(super) fn put_data(&mut self, p1: u8, p2: u8, data: &[u8]) -> Answer {
        self.needs_management_key()?;
        if (p1, p2) != (0x3f, 0xff) {
            return Err(Status::WRONG_PARAMETERS);
        }
        let fields = tlv::elements(data)?;
        let [(0x5c, tag), (0x53, value)] = fields[..] else { return Err(Status::WRONG_DATA) };
        let object = read(tag)?;
        let others: usize =
            self.objects.iter().filter(|(name, _)| **name != object).map(|(_, value)| value.len()).sum();
        if value.len() > LARGEST || others + value.len() > ALL {
            return Err(Status::NO_SPACE);
        }
        if value.is_empty() {
            self.objects.remove(&object);
        } else {
            self.objects.insert(object, value.to_vec());
        }
        Ok(Vec::new())
    }
}

fn read(tag: &[u8]) -> Result<Object, Status> {
    match tag {
        [0x5f, high, low] => Ok(Object([0x5f, *high, *low])),
        // The groups of biometric data (7F61) are a tag of the standard that no object lies under here.
        _ => Err(Status::NOT_FOUND),
    }
}

/// The discovery object: this application, and that its own PIN is the one to give (part 1 §3.3.2).
fn discovery() -> Vec<u8> {
    let inside = [tlv::element(&[0x4f], &super::AID), tlv::element(&[0x5f, 0x2f], &[0x40, 0])].concat();
    tlv::element(&[0x7e], &inside)
}

/// A certificate in an object of its own: 70, not compressed, no error code (part 1 §3.1.3).
pub(super) fn certificate(der: &[u8]) -> Vec<u8> {
    [tlv::element(&[0x70], der), tlv::element(&[0x71], &[0]), tlv::element(&[0xfe], &[])].concat()
}
