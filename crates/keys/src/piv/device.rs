//! A card that is plugged in, and not held.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::card::{Card, printable};
use super::contents::SlotKey;
use super::error::CardError;
use super::pin::{FACTORY_PIN, Secret};
use super::reader::{LineError, Reader, Readers};
use super::slot;
use crate::{Attestation, Firmware, KeyError, Nobody, Person, Pin, PinAsk, PinKind};

/// How a card is named where nobody can choose one.
const BY_SERIAL: &str = "name the card by its serial number ('piv:serial=N', as plimsoll key list shows it)";

/// A card that is plugged in. Each thing that is done with it takes it anew, finds it again if it was moved to another
/// reader, and leaves it reset.
#[derive(Clone)]
pub struct Device {
    readers: Arc<dyn Readers>,
    reader: Arc<dyn Reader>,
    name: String,
    serial: Option<u32>,
    firmware: Firmware,
    /// Kept until [`Device::lock`], so that it is asked for once.
    pin: Arc<Mutex<Option<Pin>>>,
}

/// A reader with a card in it, for lists.
pub struct Listed {
    /// The reader's name.
    pub reader: String,
    /// What the card tells, or why it does not.
    pub card: Result<Contents, KeyError>,
}

/// What a card tells without its PIN.
pub struct Contents {
    /// The card.
    pub device: Device,
    /// How often the PIN may still be wrong, where it tells.
    pub pin_tries: Option<u8>,
    /// Which secrets are still those from the factory, as far as it tells.
    pub factory: Vec<&'static str>,
    /// The keys in its slots.
    pub keys: Vec<SlotKey>,
}

impl Device {
    /// The card with this serial number, or the only one that is there; of several the person says which.
    pub fn find(readers: &Arc<dyn Readers>, serial: Option<u32>, person: &dyn Person) -> Result<Self, KeyError> {
        let mut found = Vec::new();
        let mut failed = None;
        for reader in with_card(readers)? {
            match Card::take(&reader, person) {
                Ok(Some(card)) => found.push(Self::of(readers, &reader, &card)),
                Ok(None) => {}
                Err(KeyError::Cancelled) => return Err(KeyError::Cancelled),
                Err(error) => failed = Some(error),
            }
        }
        if let Some(wanted) = serial {
            let there = names(&found);
            let place = found.iter().position(|device| device.serial == serial);
            return match (place, failed) {
                (Some(place), _) => Ok(found.swap_remove(place)),
                // It may be the one that gave no answer.
                (None, Some(error)) => Err(error),
                (None, None) => Err(CardError::WrongCard { wanted, there }.into()),
            };
        }
        match (found.len(), failed) {
            (0, Some(error)) => Err(error),
            (0, None) => Err(CardError::NoCard.into()),
            (1, None) => Ok(found.remove(0)),
            _ => {
                let choices: Vec<String> = found.iter().map(Self::described).collect();
                let chosen = person.choose("which card", &choices).map_err(|error| error.or_instead(BY_SERIAL))?;
                if chosen < found.len() { Ok(found.swap_remove(chosen)) } else { Err(KeyError::Cancelled) }
            }
        }
    }

    /// All readers with a card, and what the PIV cards among them hold.
    pub fn list(readers: &Arc<dyn Readers>) -> Result<Vec<Listed>, KeyError> {
        let mut listed = Vec::new();
        for reader in with_card(readers)? {
            let card = match Card::take(&reader, &Nobody) {
                Ok(Some(mut card)) => Self::contents(readers, &reader, &mut card),
                Ok(None) => continue,
                Err(error) => Err(error),
            };
            listed.push(Listed { reader: printable(reader.name()), card });
        }
        Ok(listed)
    }

    /// How people know it: `YubiKey 12345678`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its serial number, where it tells one.
    pub fn serial(&self) -> Option<u32> {
        self.serial
    }

    /// Its firmware.
    pub fn firmware(&self) -> Firmware {
        self.firmware
    }

    /// The key in a slot.
    pub fn key(&self, slot: u8) -> Result<Option<SlotKey>, KeyError> {
        let mut card = self.hold(&Nobody)?;
        let key = card.key(slot)?;
        card.end()?;
        Ok(key)
    }

    /// Its statement that the key in the slot was made inside it; `None` where it makes none.
    pub fn attest(&self, slot: u8) -> Result<Option<Attestation>, KeyError> {
        let mut card = self.hold(&Nobody)?;
        let attestation = card.attestation(slot)?;
        card.end()?;
        Ok(attestation)
    }

    /// Forgets the PIN.
    pub fn lock(&self) {
        self.remember(None);
    }

    pub(crate) fn remember(&self, pin: Option<Pin>) {
        *self.pin.lock().unwrap_or_else(PoisonError::into_inner) = pin;
    }

    /// Takes this very card.
    pub(crate) fn hold(&self, person: &dyn Person) -> Result<Card, KeyError> {
        let same = |card: &Card| card.serial == self.serial && card.firmware == self.firmware;
        let mut failed = match Card::take(&self.reader, person) {
            Ok(Some(card)) if same(&card) => return Ok(card),
            Ok(_) => None,
            Err(error) if is_removed(&error) => None,
            Err(error) => return Err(error),
        };
        // Without a serial number nothing but the reader tells the card.
        let mut there = Vec::new();
        for reader in with_card(&self.readers)?.iter().filter(|_| self.serial.is_some()) {
            match Card::take(reader, person) {
                Ok(Some(card)) if same(&card) => return Ok(card),
                Ok(Some(card)) => there.push(card.device().to_owned()),
                Ok(None) => {}
                Err(KeyError::Cancelled) => return Err(KeyError::Cancelled),
                Err(error) => failed = Some(error),
            }
        }
        Err(match (self.serial, failed) {
            (_, Some(error)) => error,
            (Some(wanted), None) if !there.is_empty() => {
                CardError::WrongCard { wanted, there: there.join(", ") }.into()
            }
            (..) => CardError::Line { device: self.name.clone(), source: LineError::Removed }.into(),
        })
    }

    /// Takes the card and unlocks it, asking for the PIN where it is not remembered. While a person types, others may
    /// use the card; how often the PIN may still be wrong is read before.
    pub(crate) fn unlocked(&self, person: &dyn Person) -> Result<(Card, Pin), KeyError> {
        let mut refused: Option<Pin> = None;
        loop {
            let mut card = self.hold(person)?;
            let left = card.pin_tries()?;
            if left == Some(0) {
                return Err(CardError::PinBlocked { device: self.name.clone() }.into());
            }
            let remembered = self.pin.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(pin) = remembered {
                match card.verify_pin(&pin) {
                    Ok(()) => return Ok((card, pin)),
                    Err(KeyError::Card(CardError::Wrong { .. })) => {
                        self.lock();
                        refused = Some(pin);
                        continue;
                    }
                    Err(error) => {
                        self.lock();
                        return Err(error);
                    }
                }
            }
            card.end()?;
            let ask = PinAsk { device: self.name.clone(), kind: PinKind::Pin, tries_left: left };
            let pin = person.pin(&ask)?;
            // What comes from the surroundings of a program comes again and again, and would block the card.
            if refused.as_ref().is_some_and(|refused| refused.as_bytes() == pin.as_bytes()) {
                let left = left.unwrap_or_default();
                return Err(CardError::Wrong { device: self.name.clone(), secret: Secret::Pin.name(), left }.into());
            }
            self.remember(Some(pin));
        }
    }

    fn of(readers: &Arc<dyn Readers>, reader: &Arc<dyn Reader>, card: &Card) -> Self {
        Self {
            readers: Arc::clone(readers),
            reader: Arc::clone(reader),
            name: card.device().to_owned(),
            serial: card.serial,
            firmware: card.firmware,
            pin: Arc::default(),
        }
    }

    fn contents(readers: &Arc<dyn Readers>, reader: &Arc<dyn Reader>, card: &mut Card) -> Result<Contents, KeyError> {
        let mut keys = Vec::new();
        for slot in slot::all() {
            keys.extend(card.key(slot)?);
        }
        Ok(Contents {
            device: Self::of(readers, reader, card),
            pin_tries: card.pin_tries()?,
            factory: card.factory_secrets(None, &Nobody)?,
            keys,
        })
    }

    fn described(&self) -> String {
        format!("{} (firmware {}, in {})", self.name, self.firmware, printable(self.reader.name()))
    }
}

impl Card {
    /// Which secrets are still those from the factory: as the card tells, or as `pin` and a proof of the management key
    /// show. Before firmware 5.3 nothing shows it of the PUK without spending one of its tries.
    pub(crate) fn factory_secrets(
        &mut self,
        pin: Option<&Pin>,
        person: &dyn Person,
    ) -> Result<Vec<&'static str>, KeyError> {
        let typed = pin.is_some_and(|pin| pin.as_bytes() == FACTORY_PIN);
        let mut found = Vec::new();
        if self.secret_metadata(slot::PIN)?.factory.unwrap_or(typed) {
            found.push("the PIN");
        }
        if self.secret_metadata(slot::PUK)?.factory.unwrap_or(typed) {
            found.push("the PUK");
        }
        if self.has_factory_management(person)? {
            found.push("the management key");
        }
        Ok(found)
    }
}

fn with_card(readers: &Arc<dyn Readers>) -> Result<Vec<Arc<dyn Reader>>, KeyError> {
    readers
        .with_card()
        .map_err(|source| CardError::Line { device: "smart cards of this machine".to_owned(), source }.into())
}

fn is_removed(error: &KeyError) -> bool {
    matches!(error, KeyError::Card(CardError::Line { source: LineError::Removed, .. }))
}

fn names(devices: &[Device]) -> String {
    if devices.is_empty() {
        return "no PIV card".to_owned();
    }
    devices.iter().map(|device| device.name.as_str()).collect::<Vec<_>>().join(", ")
}

impl fmt::Debug for Device {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Device({})", self.name)
    }
}
