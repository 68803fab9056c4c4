//! What lies in a card's slots and objects.

use std::io::Read as _;

use flate2::read::GzDecoder;
use zeroize::Zeroizing;

use super::apdu::Command;
use super::card::Card;
use super::error::CardError;
use super::firmware::Ability;
use super::metadata::{GET_METADATA, KeyMetadata, SecretMetadata, algorithm};
use super::slot;
use super::status::Status;
use super::tlv::{Tlv, Writer};
use crate::attestation::statement;
use crate::{Algorithm, Attestation, KeyError, PinPolicy, PublicKey, TouchPolicy, certificate};

/// The most that comes out of a compressed certificate.
const CERTIFICATE_LIMIT: u64 = 64 << 10;

const GET_DATA: u8 = 0xcb;
const PUT_DATA: u8 = 0xdb;
const ATTEST: u8 = 0xf9;

/// A key in a slot, as far as the card tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotKey {
    /// The slot.
    pub slot: u8,
    /// The algorithm; `None` for one that neither signs nor verifies here.
    pub algorithm: Option<Algorithm>,
    /// The public half, where the card tells it and it is of a kind that is known here.
    pub public: Option<PublicKey>,
    /// When a touch is wanted, where the card tells.
    pub touch: Option<TouchPolicy>,
    /// When the PIN is wanted, where the card tells.
    pub pin: Option<PinPolicy>,
    /// Whether the key was made inside, where the card tells.
    pub generated: Option<bool>,
    /// The certificate that lies beside it (X.509, DER).
    pub certificate: Option<Vec<u8>>,
}

impl SlotKey {
    /// Whether it is as deleting leaves a slot where the firmware only overwrites: made inside, with the strictest policies, and
    /// without a certificate. Nobody means such a key without naming it.
    pub fn may_be_deleted(&self) -> bool {
        self.generated == Some(true)
            && self.certificate.is_none()
            && (self.touch, self.pin) == (Some(TouchPolicy::Always), Some(PinPolicy::Always))
    }
}

impl Card {
    /// The key in a slot. Firmware without metadata is asked for what comes near: an attestation, which only generated
    /// keys have, and a certificate, which says what somebody stored.
    pub(crate) fn key(&mut self, slot: u8) -> Result<Option<SlotKey>, KeyError> {
        let object = slot::certificate_object(slot).ok_or(CardError::NoSlot(slot))?;
        if self.firmware.has(Ability::Metadata) {
            let Some(metadata) = self.key_metadata(slot)? else { return Ok(None) };
            let certificate = self.certificate(object)?;
            return Ok(Some(SlotKey {
                slot,
                algorithm: algorithm(metadata.number),
                public: metadata.public,
                touch: metadata.touch,
                pin: metadata.pin,
                generated: metadata.generated,
                certificate,
            }));
        }
        let certificate = self.certificate(object)?;
        if let Some(leaf) = self.attest_leaf(slot)?
            && let Some(told) = statement::read(&leaf)
        {
            return Ok(Some(SlotKey {
                slot,
                algorithm: Some(told.key.algorithm()),
                public: Some(told.key),
                touch: Some(told.touch),
                pin: Some(told.pin),
                generated: Some(true),
                certificate,
            }));
        }
        Ok(certificate.map(|certificate| {
            let public = certificate::key_of(&certificate).ok();
            SlotKey {
                slot,
                algorithm: public.as_ref().map(PublicKey::algorithm),
                public,
                touch: None,
                pin: None,
                generated: None,
                certificate: Some(certificate),
            }
        }))
    }

    /// The card's statement that the key in the slot was made inside it; `None` where it makes none: the firmware is
    /// too old, or the key was imported.
    pub(crate) fn attestation(&mut self, slot: u8) -> Result<Option<Attestation>, KeyError> {
        let Some(leaf) = self.attest_leaf(slot)? else { return Ok(None) };
        let device = slot::certificate_object(slot::ATTESTATION).ok_or(CardError::NoSlot(slot))?;
        Ok(Some(Attestation { leaf, intermediates: self.certificate(device)?.into_iter().collect() }))
    }

    pub(crate) fn secret_metadata(&mut self, reference: u8) -> Result<SecretMetadata, KeyError> {
        if !self.firmware.has(Ability::Metadata) {
            return Ok(SecretMetadata::default());
        }
        let response = self.send("telling about its secrets", &Command::new(GET_METADATA, 0, reference))?;
        match response.status {
            Status::Success => Ok(SecretMetadata::read(&response.data)),
            _ => Ok(SecretMetadata::default()),
        }
    }

    /// The value of an object; `None` where it is empty or missing.
    pub(crate) fn object(&mut self, tag: u32) -> Result<Option<Zeroizing<Vec<u8>>>, KeyError> {
        const DOING: &str = "reading an object";
        let command = Command::new(GET_DATA, 0x3f, 0xff).with(named(tag));
        let response = self.send(DOING, &command)?;
        match response.status {
            Status::Success => {}
            Status::NotFound | Status::NoKey => return Ok(None),
            status => return Err(self.refused(DOING, status)),
        }
        let value = Tlv::find(&response.data, 0x53)
            .ok_or_else(|| self.senseless(DOING, "what came is no object (no field 53)"))?;
        Ok((!value.is_empty()).then(|| Zeroizing::new(value.to_vec())))
    }

    /// Writes an object; an empty value removes it. The management key must have been proved.
    pub(crate) fn put_object(&mut self, tag: u32, value: &[u8]) -> Result<(), KeyError> {
        let data = named(tag).put(0x53, value);
        self.expect("writing an object", &Command::new(PUT_DATA, 0x3f, 0xff).with(data)).map(drop)
    }

    /// Stores a certificate beside the slot's key (SP 800-73-4 part 1, section 3.1.3).
    pub(crate) fn put_certificate(&mut self, slot: u8, certificate: &[u8]) -> Result<(), KeyError> {
        let object = slot::certificate_object(slot).ok_or(CardError::NoSlot(slot))?;
        let value = Writer::new().put(0x70, certificate).put(0x71, &[0]).put(0xfe, &[]);
        self.put_object(object, value.as_bytes())
    }

    fn certificate(&mut self, object: u32) -> Result<Option<Vec<u8>>, KeyError> {
        let Some(value) = self.object(object)? else { return Ok(None) };
        let Some(stored) = Tlv::find(&value, 0x70) else { return Ok(None) };
        let compressed =
            Tlv::find(&value, 0x71).is_some_and(|information| information.iter().any(|byte| byte & 1 == 1));
        if !compressed {
            return Ok(Some(stored.to_vec()));
        }
        // What cannot be unpacked stays as it lies there: whoever reads it says what is wrong, and its slot is in use.
        Ok(Some(unpacked(stored).unwrap_or_else(|| stored.to_vec())))
    }

    pub(crate) fn key_metadata(&mut self, slot: u8) -> Result<Option<KeyMetadata>, KeyError> {
        const DOING: &str = "telling about a key";
        let response = self.send(DOING, &Command::new(GET_METADATA, 0, slot))?;
        match response.status {
            Status::Success => KeyMetadata::read(&response.data)
                .map(Some)
                .ok_or_else(|| self.senseless(DOING, "it names no algorithm")),
            Status::NotFound | Status::NoKey | Status::BadParameters => Ok(None),
            status => Err(self.refused(DOING, status)),
        }
    }

    fn attest_leaf(&mut self, slot: u8) -> Result<Option<Vec<u8>>, KeyError> {
        if !self.firmware.has(Ability::Attestation) {
            return Ok(None);
        }
        // What it answers for a slot without a key and for an imported key differs between firmwares.
        let response = self.send("attesting a key", &Command::new(ATTEST, slot, 0))?;
        Ok((response.status == Status::Success && !response.data.is_empty()).then(|| response.data.to_vec()))
    }
}

/// A certificate that was stored in gzip's form (CertInfo, SP 800-73-4 part 1 table 10, bit 1). Cards have room for some
/// 3 KiB, and no certificate is longer than this.
fn unpacked(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut unpacked = Vec::new();
    GzDecoder::new(bytes).take(CERTIFICATE_LIMIT + 1).read_to_end(&mut unpacked).ok()?;
    (unpacked.len() as u64 <= CERTIFICATE_LIMIT).then_some(unpacked)
}

fn named(tag: u32) -> Writer {
    let bytes = tag.to_be_bytes();
    let start = bytes.iter().position(|&byte| byte != 0).unwrap_or(3);
    Writer::new().put(0x5c, &bytes[start..])
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_was_packed_comes_out_and_no_more_than_a_certificate_has() {
        assert_eq!(unpacked(&packed(b"a certificate")).as_deref(), Some(&b"a certificate"[..]));
        let widest = vec![0; 64 << 10];
        assert_eq!(unpacked(&packed(&widest)), Some(widest));
        assert_eq!(unpacked(&packed(&vec![0; (64 << 10) + 1])), None);
        assert_eq!(unpacked(&packed(&vec![0; 64 << 20])), None);
    }

    #[test]
    fn what_is_no_gzip_or_is_cut_off_is_none() {
        assert_eq!(unpacked(b"a certificate"), None);
        assert_eq!(unpacked(b""), None);
        let whole = packed(b"a certificate");
        assert_eq!(unpacked(&whole[..whole.len() - 9]), None);
    }
}
