//! Signing by a key on a card.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::apdu::Command;
use super::card::Card;
use super::contents::SlotKey;
use super::device::Device;
use super::error::CardError;
use super::firmware::Ability;
use super::metadata::number;
use super::reader::{LineError, Readers};
use super::slot;
use super::status::Status;
use super::tlv::{Tlv, Writer};
use super::touch::Watch;
use crate::signer::no_digest;
use crate::uri::PivUri;
use crate::{
    Algorithm, Attestation, CardKey, Custody, Hash, KeyError, KeyUri, Message, Person, Pin, PinPolicy, PublicKey,
    Scheme, Signature, Signer, TouchMoment, TouchPolicy,
};

const GENERAL_AUTHENTICATE: u8 = 0x87;
const DOING: &str = "a signature was made";

/// Ed25519 hashes on the card, so the whole message goes there; a command holds about 3 KiB.
const LONGEST_MESSAGE: usize = 3000;

/// A key on a card.
pub struct PivSigner {
    uri: KeyUri,
    device: Device,
    key: SlotKey,
    public: PublicKey,
    number: u8,
    attestation: OnceLock<Option<Attestation>>,
}

impl PivSigner {
    /// Finds the key that the URI names; asks which card where several are there. The card's PIN is asked for when it
    /// signs.
    pub fn open(readers: &Arc<dyn Readers>, uri: &PivUri, person: &dyn Person) -> Result<Self, KeyError> {
        let device = Device::find(readers, uri.serial, person)?;
        let slot = uri.slot.unwrap_or(slot::SIGNATURE);
        let key = device.key(slot)?.ok_or_else(|| CardError::Empty { device: device.name().to_owned(), slot })?;
        Self::of(device, key)
    }

    /// A key whose card and description are known.
    pub fn of(device: Device, key: SlotKey) -> Result<Self, KeyError> {
        let refused = |algorithm: String| {
            KeyError::from(CardError::NotForSigning { device: device.name().to_owned(), slot: key.slot, algorithm })
        };
        let algorithm = key.algorithm.ok_or_else(|| refused("an algorithm that is unknown here".to_owned()))?;
        let number = number(algorithm).ok_or_else(|| refused(algorithm.to_string()))?;
        let public = key.public.clone().ok_or_else(|| refused(format!("{algorithm} that it does not show")))?;
        let uri = KeyUri::Piv(PivUri { serial: device.serial(), slot: Some(key.slot) });
        Ok(Self { uri, device, key, public, number, attestation: OnceLock::new() })
    }

    /// The card.
    pub fn device(&self) -> &Device {
        &self.device
    }

    fn sign_on(
        &self,
        card: &mut Card,
        pin: Option<&Pin>,
        inputs: &[Vec<u8>],
        person: &dyn Person,
    ) -> Result<Vec<Signature>, KeyError> {
        let mut signatures = Vec::with_capacity(inputs.len());
        let mut touches = 0;
        for (done, input) in inputs.iter().enumerate() {
            if let Some(pin) = pin {
                card.verify_pin(pin)?;
            }
            let touch = self.touch(touches + 1, done, inputs.len());
            let mut watch = Watch::new(person, touch);
            signatures.push(self.sign_input(card, input, &mut watch, person)?);
            if watch.was_told() {
                touches += 1;
                person.touch(TouchMoment::Touched);
            }
        }
        Ok(signatures)
    }

    /// Which touch of how many the next signature may need.
    fn touch(&self, next: u32, done: usize, all: usize) -> Option<(u32, u32)> {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        // Where a touch counts for nothing but what it was given for, each signature needs one, whatever is told.
        let each = self.key.touch.is_none() && !self.device.firmware().has(Ability::CachedTouch);
        match self.key.touch {
            _ if each => Some((count(done + 1), count(all))),
            Some(TouchPolicy::Never) => None,
            Some(TouchPolicy::Always) => Some((count(done + 1), count(all))),
            // One covers the batch, unless the batch outlasts its 15 s. Where the card does not tell its policy, what
            // is seen is counted.
            Some(TouchPolicy::Cached) | None => Some((next, next)),
        }
    }

    fn sign_input(
        &self,
        card: &mut Card,
        input: &[u8],
        watch: &mut Watch<'_>,
        person: &dyn Person,
    ) -> Result<Signature, KeyError> {
        let fields = Writer::new().put(0x82, &[]).put(0x81, input);
        let data = Writer::new().put(0x7c, fields.as_bytes());
        let command = Command::new(GENERAL_AUTHENTICATE, self.number, self.key.slot).with(data);
        let response = card.send_touched(DOING, &command, watch, person)?;
        match response.status {
            Status::Success => {}
            // The PIN was verified a moment ago, so only the touch can be missing.
            Status::SecurityNotSatisfied if self.key.touch != Some(TouchPolicy::Never) => {
                person.touch(TouchMoment::TimedOut);
                return Err(CardError::NotTouched { device: card.device().to_owned() }.into());
            }
            status => return Err(card.refused(DOING, status)),
        }
        let bytes = Tlv::find(&response.data, 0x7c).and_then(|inside| Tlv::find(inside, 0x82));
        let bytes = bytes.ok_or_else(|| card.senseless(DOING, "it has no field 7C/82"))?;
        Ok(Signature::new(self.public.algorithm(), bytes.to_vec()))
    }

    /// The card may have been changed since the key was looked at. Firmware that does not tell its keys shows it by a
    /// signature that does not match.
    fn check_key(&self, card: &mut Card) -> Result<(), KeyError> {
        if !card.firmware.has(Ability::Metadata) {
            return Ok(());
        }
        let found = card.key_metadata(self.key.slot)?;
        if found.and_then(|key| key.public).is_some_and(|public| public == self.public) {
            return Ok(());
        }
        let (device, slot) = (card.device().to_owned(), self.key.slot);
        Err(CardError::WrongKey { device, slot, wanted: self.public.fingerprint() }.into())
    }

    /// What goes to the card, and how its signature is checked.
    fn prepare(&self, message: &Message<'_>) -> Result<(Vec<u8>, Scheme), KeyError> {
        let failed = |reason: String| KeyError::Sign { name: self.uri.to_string(), reason };
        let algorithm = self.public.algorithm();
        let hash = message.hash.unwrap_or_else(|| algorithm.hash());
        let width = match algorithm {
            Algorithm::EcdsaP256 => 32,
            Algorithm::EcdsaP384 => 48,
            Algorithm::Ed25519 => {
                if message.hash.is_some() {
                    return Err(failed("keys for Ed25519 have a hash of their own".to_owned()));
                }
                if message.bytes.len() > LONGEST_MESSAGE {
                    return Err(failed(format!(
                        "a card signs at most {LONGEST_MESSAGE} bytes with Ed25519, and these are {}; use a key for ECDSA",
                        message.bytes.len()
                    )));
                }
                return Ok((message.bytes.to_vec(), Scheme::Ed25519));
            }
            Algorithm::Rsa { .. } => return Err(failed("RSA keys do not sign here".to_owned())),
        };
        Ok((as_wide_as_the_curve(&hash.of(message.bytes), width), Scheme::Ecdsa(hash)))
    }

    /// Unlocks the card, signs, and leaves it reset.
    fn sign_inputs(&self, inputs: &[Vec<u8>], person: &dyn Person) -> Result<Vec<Signature>, KeyError> {
        let (mut card, pin) = match self.key.pin {
            Some(PinPolicy::Never) => (self.device.hold(person)?, None),
            _ => self.device.unlocked(person).map(|(card, pin)| (card, Some(pin)))?,
        };
        self.check_key(&mut card)?;
        // Once verified is enough for `once`; for `always` it must come right before each signature, and where the
        // policy is unknown it does no harm there.
        let pin = pin.filter(|_| self.key.pin != Some(PinPolicy::Once));
        let signatures = self.sign_on(&mut card, pin.as_ref(), inputs, person)?;
        match card.end() {
            // Without power it has forgotten the PIN as well.
            Ok(()) | Err(KeyError::Card(CardError::Line { source: LineError::Removed, .. })) => Ok(signatures),
            Err(error) => Err(error),
        }
    }
}

impl Signer for PivSigner {
    fn uri(&self) -> &KeyUri {
        &self.uri
    }

    fn public_key(&self) -> PublicKey {
        self.public.clone()
    }

    fn custody(&self) -> Custody {
        Custody::Card(CardKey {
            serial: self.device.serial(),
            firmware: self.device.firmware(),
            slot: self.key.slot,
            touch: self.key.touch,
            pin: self.key.pin,
            generated: self.key.generated,
        })
    }

    fn sign(&self, batch: &[Message<'_>], person: &dyn Person) -> Result<Vec<Signature>, KeyError> {
        let prepared: Vec<_> = batch.iter().map(|message| self.prepare(message)).collect::<Result<_, _>>()?;
        let (inputs, schemes): (Vec<_>, Vec<_>) = prepared.into_iter().unzip();
        if inputs.is_empty() {
            return Ok(Vec::new());
        }
        let signatures = self.sign_inputs(&inputs, person)?;
        for ((message, scheme), signature) in batch.iter().zip(schemes).zip(&signatures) {
            self.public.verify_with(scheme, message.bytes, signature.as_bytes())?;
        }
        Ok(signatures)
    }

    fn sign_digest(&self, digest: &[u8], hash: Hash, person: &dyn Person) -> Result<Signature, KeyError> {
        let algorithm = self.public.algorithm();
        let width = match algorithm {
            Algorithm::EcdsaP256 => 32,
            Algorithm::EcdsaP384 => 48,
            Algorithm::Ed25519 | Algorithm::Rsa { .. } => return Err(no_digest(&self.uri, algorithm)),
        };
        hash.check_length(digest, &self.uri)?;
        let signature = self.sign_inputs(&[as_wide_as_the_curve(digest, width)], person)?.pop();
        let signature = signature
            .ok_or_else(|| KeyError::Sign { name: self.uri.to_string(), reason: "it gave no signature".to_owned() })?;
        self.public.verify_digest(digest, signature.as_bytes())?;
        Ok(signature)
    }

    fn certificate(&self) -> Result<Option<Vec<u8>>, KeyError> {
        Ok(self.key.certificate.clone())
    }

    fn attestation(&self) -> Result<Option<Attestation>, KeyError> {
        if let Some(known) = self.attestation.get() {
            return Ok(known.clone());
        }
        let found = self.device.attest(self.key.slot)?;
        Ok(self.attestation.get_or_init(|| found).clone())
    }

    fn lock(&self) {
        self.device.lock();
    }
}

/// FIPS 186-5 section 6.4.1: the leftmost bits of a hash that is wider than the curve. A narrower one is a number with
/// zeros before it.
fn as_wide_as_the_curve(digest: &[u8], width: usize) -> Vec<u8> {
    let digest = &digest[..digest.len().min(width)];
    let mut input = vec![0; width - digest.len()];
    input.extend_from_slice(digest);
    input
}

impl fmt::Debug for PivSigner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PivSigner({})", self.uri)
    }
}
