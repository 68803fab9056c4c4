//! Yubico's ATTEST: F9 says that a key was made in this device, and what its policy is.

use super::{Object, Origin, Piv};
use crate::apdu::{Answer, Status};
use crate::certificate::{self, Certificate, Extension};
use crate::der;
use crate::key;
use crate::slot::Slot;
use crate::tlv;

/// Extension .9: a key for the key ring, USB-A.
const FORM_FACTOR: u8 = 1;

impl Piv {
    /// A certificate for the key in the slot. Neither PIN nor management key are asked for.
    pub(super) fn attest(&self, slot: u8) -> Answer {
        let slot = Slot::read(slot)?;
        let stored = self.keys.get(&slot).ok_or(Status::WRONG_DATA)?;
        // What a real card says of an imported key was not seen beyond that it fails.
        if stored.origin != Origin::Generated || slot == Slot::ATTESTATION {
            return Err(Status::WRONG_DATA);
        }
        let signer = self.keys.get(&Slot::ATTESTATION).ok_or(Status::WRONG_DATA)?;
        let mut serial = key::random::<16>();
        serial[0] = serial[0] & 0x7f | 0x40;
        let subject = format!("YubiKey PIV Attestation {}", slot.name());
        let number = der::unsigned(&self.serial.to_be_bytes());
        let mut extensions = vec![Extension::yubico(3, &self.firmware.version())];
        if self.firmware.has_serial_in_piv() {
            // Before firmware 5 an attestation does not name its device (Yubico's manual of the .NET SDK).
            extensions.push(Extension::yubico(7, &number));
        }
        extensions.push(Extension::yubico(8, &stored.policy.bytes()));
        extensions.push(Extension::yubico(9, &[FORM_FACTOR]));
        let public = stored.secret.public_info();
        Certificate { serial: &serial, issuer: self.attester()?, subject: &subject, public, extensions }
            .sign(&signer.secret)
    }

    /// The name in the certificate of F9, which its owner may have replaced together with the key.
    fn attester(&self) -> Result<Vec<u8>, Status> {
        let object = self.objects.get(&Object::ATTESTATION).ok_or(Status::WRONG_DATA)?;
        let fields = tlv::elements(object)?;
        tlv::find(&fields, 0x70).and_then(certificate::subject).ok_or(Status::WRONG_DATA)
    }
}
