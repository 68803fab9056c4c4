//! Bringing keys onto a card and away from it.

use std::ops::Range;
use std::time::SystemTime;

use super::apdu::Command;
use super::card::Card;
use super::contents::SlotKey;
use super::device::Device;
use super::error::CardError;
use super::firmware::Ability;
use super::management::ManagementKey;
use super::metadata::{number, pin_byte, public_key, touch_byte};
use super::signer::PivSigner;
use super::slot;
use super::tlv::{Tlv, Writer};
use crate::certificate::{self, Subject};
use crate::{Algorithm, Attestation, KeyError, KeyUri, Person, PinPolicy, PivUri, PrivateKey, TouchPolicy};

const GENERATE: u8 = 0x47;
const IMPORT: u8 = 0xfe;
const MOVE: u8 = 0xf6;

/// What a new key should be.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What it signs with; an imported key says it itself.
    pub algorithm: Algorithm,
    /// When a touch is wanted; where nothing is said, *cached* where the firmware has it and *always* otherwise.
    pub touch: Option<TouchPolicy>,
    /// When the PIN is wanted. Said always: the signature slot's own way would be each time.
    pub pin: PinPolicy,
    /// Whom its certificate names.
    pub subject: Subject,
    /// How long its certificate is valid.
    pub valid: Range<SystemTime>,
    /// Whether what the slot holds may be destroyed.
    pub replace: bool,
}

/// A key that came onto a card.
#[derive(Debug)]
pub struct Provisioned {
    /// It, ready to sign.
    pub signer: PivSigner,
    /// The card's statement that it was made inside; `None` for an imported key and before firmware 4.3.
    pub attestation: Option<Attestation>,
}

/// A card on which a new key may be made.
struct Ready {
    card: Card,
    /// The touch that the key will want.
    touch: TouchPolicy,
    /// What the slot has of it already.
    unfinished: Option<SlotKey>,
}

/// How a key went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// The slot is empty.
    Emptied,
    /// The firmware deletes nothing: another key, which nobody will use, was made over it.
    Overwritten,
}

impl Device {
    /// Makes a key in the slot, with its certificate, which it signs itself (one touch). `management` is the management
    /// key, where the card does not keep it.
    pub fn generate(
        &self,
        slot: u8,
        new: &NewKey,
        management: Option<&ManagementKey>,
        person: &dyn Person,
    ) -> Result<Provisioned, KeyError> {
        let number = number(new.algorithm).ok_or_else(|| self.unfit(new.algorithm))?;
        let Ready { mut card, touch, unfinished } = self.ready_for(slot, new, new.algorithm, management, person)?;
        let key = match unfinished {
            Some(key) => key,
            None => card.generate(slot, number, touch, new.pin)?,
        };
        let attestation = card.attestation(slot)?;
        card.end()?;
        let certified = self.certify(key, &new.subject, new.valid.clone(), management, person);
        let signer = certified.map_err(|source| self.unfinished(slot, source))?;
        Ok(Provisioned { signer, attestation })
    }

    /// Puts a private key into the slot, with its certificate. It is not attested then, and copies of it
    /// may be anywhere.
    pub fn import(
        &self,
        slot: u8,
        private: &PrivateKey,
        new: &NewKey,
        management: Option<&ManagementKey>,
        person: &dyn Person,
    ) -> Result<Provisioned, KeyError> {
        let algorithm = private.algorithm();
        let number = number(algorithm).ok_or_else(|| self.unfit(algorithm))?;
        let Ready { mut card, touch, unfinished } = self.ready_for(slot, new, algorithm, management, person)?;
        if let Some(there) = unfinished {
            card.end()?;
            return Err(self.occupied(&there));
        }
        // The field of a number on a curve, or of Ed25519's seed.
        let field = if algorithm == Algorithm::Ed25519 { 0x07 } else { 0x06 };
        let data = policies(Writer::new().put(field, &private.to_scalar()), touch, new.pin);
        card.expect("a key was put into it", &Command::new(IMPORT, number, slot).with(data))?;
        card.end()?;
        let key = SlotKey {
            slot,
            algorithm: Some(algorithm),
            public: Some(private.public_key()?),
            touch: Some(touch),
            pin: Some(new.pin),
            generated: Some(false),
            certificate: None,
        };
        let certified = self.certify(key, &new.subject, new.valid.clone(), management, person);
        let signer = certified.map_err(|source| self.unfinished(slot, source))?;
        Ok(Provisioned { signer, attestation: None })
    }

    /// Makes a certificate for a key that is in its slot already, and stores it there. One touch where the key wants
    /// such.
    pub fn certify(
        &self,
        mut key: SlotKey,
        subject: &Subject,
        valid: Range<SystemTime>,
        management: Option<&ManagementKey>,
        person: &dyn Person,
    ) -> Result<PivSigner, KeyError> {
        let slot = key.slot;
        let signer = PivSigner::of(self.clone(), key.clone())?;
        let made = certificate::self_issued(&signer, subject, valid, person)?;
        let (mut card, _) = self.unlocked(person)?;
        card.prove_management(management, person)?;
        card.put_certificate(slot, &made)?;
        card.end()?;
        key.certificate = Some(made);
        PivSigner::of(self.clone(), key)
    }

    /// Removes the key in the slot and its certificate; nothing brings it back.
    pub fn delete(
        &self,
        slot: u8,
        management: Option<&ManagementKey>,
        person: &dyn Person,
    ) -> Result<Deleted, KeyError> {
        let object = slot::certificate_object(slot).filter(|_| slot != slot::ATTESTATION);
        let object = object.ok_or(CardError::NoSlot(slot))?;
        let (mut card, _) = self.unlocked(person)?;
        if card.key(slot)?.is_none() {
            return Err(CardError::Empty { device: self.name().to_owned(), slot }.into());
        }
        card.prove_management(management, person)?;
        let deleted = if card.firmware.has(Ability::MoveAndDelete) {
            card.expect("a key was deleted", &Command::new(MOVE, 0xff, slot))?;
            Deleted::Emptied
        } else {
            let number = super::metadata::P256;
            card.generate(slot, number, TouchPolicy::Always, PinPolicy::Always)?;
            Deleted::Overwritten
        };
        card.put_object(object, &[])?;
        card.end()?;
        Ok(deleted)
    }

    /// Moves a key and its certificate to another slot, which must be empty.
    pub fn move_key(
        &self,
        from: u8,
        to: u8,
        management: Option<&ManagementKey>,
        person: &dyn Person,
    ) -> Result<(), KeyError> {
        let (mut card, _) = self.unlocked(person)?;
        card.needs(Ability::MoveAndDelete)?;
        let key = card.key(from)?.ok_or_else(|| CardError::Empty { device: self.name().to_owned(), slot: from })?;
        if let Some(there) = card.key(to)? {
            return Err(self.occupied(&there));
        }
        card.prove_management(management, person)?;
        card.expect("a key was moved", &Command::new(MOVE, to, from))?;
        if let Some(certificate) = &key.certificate {
            card.put_certificate(to, certificate)?;
            card.put_object(slot::certificate_object(from).ok_or(CardError::NoSlot(from))?, &[])?;
        }
        card.end()
    }

    /// Takes the card, unlocked, the management key proved, after everything that speaks against a new key was looked
    /// at.
    fn ready_for(
        &self,
        slot: u8,
        new: &NewKey,
        algorithm: Algorithm,
        management: Option<&ManagementKey>,
        person: &dyn Person,
    ) -> Result<Ready, KeyError> {
        if !slot::all().any(|known| known == slot) {
            return Err(CardError::NoSlot(slot).into());
        }
        // What can be known without the PIN comes first: whoever has a new card has none of their own to type, and what
        // the firmware lacks is no reason to change anything.
        let mut card = self.hold(person)?;
        if algorithm == Algorithm::Ed25519 {
            card.needs(Ability::Ed25519)?;
        }
        let touch = touch_for(&card, new)?;
        let there = if new.replace { None } else { card.key(slot)? };
        let (tells, factory) = (card.firmware.has(Ability::Metadata), card.factory_secrets(None, person)?);
        card.end()?;
        let unfinished = match there {
            Some(there) => Some(self.to_finish(there, new, touch, person)?),
            None => None,
        };
        if !new.replace && !tells && unfinished.is_none() {
            self.believe_empty(slot, person)?;
        }
        if tells && !factory.is_empty() {
            self.offer_protection(&factory, person)?;
        }
        let (mut card, pin) = self.unlocked(person)?;
        let factory = card.factory_secrets(Some(&pin), person)?;
        if !factory.is_empty() {
            card.end()?;
            self.offer_protection(&factory, person)?;
            card = self.unlocked(person)?.0;
        }
        card.prove_management(management, person)?;
        Ok(Ready { card, touch, unfinished })
    }

    /// A key that was made as the new one is to be, and has no certificate: the touch for that did not come, or the card was
    /// pulled out. Somebody else may have made and used it without one, so a person says whether it is that.
    fn to_finish(
        &self,
        there: SlotKey,
        new: &NewKey,
        touch: TouchPolicy,
        person: &dyn Person,
    ) -> Result<SlotKey, KeyError> {
        let is_alike = there.algorithm == Some(new.algorithm)
            && there.generated == Some(true)
            && there.certificate.is_none()
            && (there.touch, there.pin) == (Some(touch), Some(new.pin));
        if !is_alike {
            return Err(self.occupied(&there));
        }
        let question = format!(
            "slot {:02x} of {} has such a key already, made inside, and no certificate for it",
            there.slot,
            self.name()
        );
        match person.choose(&question, &["give it its certificate, and take it".to_owned(), "stop".to_owned()]) {
            Ok(0) => Ok(there),
            Ok(_) | Err(KeyError::NobodyToAsk(_)) => Err(self.occupied(&there)),
            Err(error) => Err(error),
        }
    }

    /// A key that was imported without a certificate cannot be seen before firmware 5.3.
    fn believe_empty(&self, slot: u8, person: &dyn Person) -> Result<(), KeyError> {
        let question = format!(
            "slot {slot:02x} of {} shows no key, but its firmware cannot show one that was imported without a \
             certificate; use the slot?",
            self.name()
        );
        let unsure = || CardError::Unsure { device: self.name().to_owned(), slot };
        match person.choose(&question, &["use it".to_owned(), "leave it".to_owned()]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(KeyError::Cancelled),
            Err(KeyError::NobodyToAsk(_)) => Err(unsure().into()),
            Err(error) => Err(error),
        }
    }

    fn offer_protection(&self, factory: &[&'static str], person: &dyn Person) -> Result<(), KeyError> {
        let which = match factory {
            [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
            _ => factory.concat(),
        };
        let question = format!("{} still has {which} from the factory, which everybody knows", self.name());
        match person.choose(&question, &["change now".to_owned(), "stop".to_owned()]) {
            Ok(0) => self.protect(person).map(drop),
            Ok(_) | Err(KeyError::NobodyToAsk(_)) => {
                Err(CardError::Factory { device: self.name().to_owned(), which }.into())
            }
            Err(error) => Err(error),
        }
    }

    fn occupied(&self, there: &SlotKey) -> KeyError {
        let algorithm = there.algorithm.map_or_else(|| "another algorithm".to_owned(), |known| known.to_string());
        let holds = if there.may_be_deleted() {
            format!("a key for {algorithm} without a certificate, as deleting leaves it in this firmware")
        } else {
            format!("a key for {algorithm}")
        };
        self.is_in_use(there.slot, holds).into()
    }

    fn is_in_use(&self, slot: u8, holds: String) -> CardError {
        let uri = KeyUri::Piv(PivUri { serial: self.serial(), slot: Some(slot) }).to_string();
        CardError::Occupied { device: self.name().to_owned(), slot, holds, uri }
    }

    fn unfinished(&self, slot: u8, source: KeyError) -> KeyError {
        CardError::Unfinished { device: self.name().to_owned(), slot, source: Box::new(source) }.into()
    }

    fn unfit(&self, algorithm: Algorithm) -> KeyError {
        let reason = format!("keys for {algorithm} do not sign here");
        CardError::Unfit { device: self.name().to_owned(), what: "this key", reason }.into()
    }
}

impl Card {
    fn generate(&mut self, slot: u8, number: u8, touch: TouchPolicy, pin: PinPolicy) -> Result<SlotKey, KeyError> {
        const DOING: &str = "a key was made";
        let template = policies(Writer::new().put(0x80, &[number]), touch, pin);
        let data = Writer::new().put(0xac, template.as_bytes());
        let answer = self.expect(DOING, &Command::new(GENERATE, 0, slot).with(data))?;
        let public = Tlv::find(&answer, 0x7f49).and_then(|inside| public_key(number, inside));
        let public = public.ok_or_else(|| self.senseless(DOING, "it gives no public key"))?;
        Ok(SlotKey {
            slot,
            algorithm: Some(public.algorithm()),
            public: Some(public),
            touch: Some(touch),
            pin: Some(pin),
            generated: Some(true),
            certificate: None,
        })
    }
}

fn policies(writer: Writer, touch: TouchPolicy, pin: PinPolicy) -> Writer {
    writer.put(0xaa, &[pin_byte(pin)]).put(0xab, &[touch_byte(touch)])
}

fn touch_for(card: &Card, new: &NewKey) -> Result<TouchPolicy, KeyError> {
    match new.touch {
        Some(TouchPolicy::Cached) => {
            card.needs(Ability::CachedTouch)?;
            Ok(TouchPolicy::Cached)
        }
        Some(other) => Ok(other),
        None if card.firmware.has(Ability::CachedTouch) => Ok(TouchPolicy::Cached),
        None => Ok(TouchPolicy::Always),
    }
}
