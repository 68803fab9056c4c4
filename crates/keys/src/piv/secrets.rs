//! Changing a card's PIN, PUK and management key.

use super::device::Device;
use super::error::CardError;
use super::management::ManagementKey;
use super::pin::{FACTORY_PIN, FACTORY_PUK, Secret};
use super::slot;
use crate::{KeyError, Person, Pin, PinAsk, PinKind};

/// What [`Device::protect`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protected {
    /// The secrets that were changed.
    pub changed: Vec<&'static str>,
    /// Whether nobody can tell if the PUK is still that of the factory (before firmware 5.3).
    pub puk_unknown: bool,
}

impl Device {
    /// Sets another PIN; asks for the present one and the new one.
    pub fn change_pin(&self, person: &dyn Person) -> Result<(), KeyError> {
        let tries_left = self.tries(Secret::Pin, person)?;
        let present = person.pin(&self.ask(PinKind::Pin, tries_left))?;
        let new = self.new_secret(Secret::Pin, person)?;
        self.set(Secret::Pin, &present, new, person)
    }

    /// Sets another PUK; asks for the present one and the new one.
    pub fn change_puk(&self, person: &dyn Person) -> Result<(), KeyError> {
        let tries_left = self.tries(Secret::Puk, person)?;
        let present = person.pin(&self.ask(PinKind::Puk, tries_left))?;
        let new = self.new_secret(Secret::Puk, person)?;
        self.set(Secret::Puk, &present, new, person)
    }

    /// Sets another PIN by the PUK: the way out when the PIN is blocked or forgotten.
    pub fn unblock_pin(&self, person: &dyn Person) -> Result<(), KeyError> {
        let tries_left = self.tries(Secret::Puk, person)?;
        let puk = person.pin(&self.ask(PinKind::Puk, tries_left))?;
        let new = self.new_secret(Secret::Pin, person)?;
        let mut card = self.hold(person)?;
        card.unblock(&puk, &new)?;
        self.remember(Some(new));
        card.end()
    }

    /// Sets a random management key and keeps it on the card under the PIN. `present` is the key until now, where the
    /// card does not keep it and it is not the factory's.
    pub fn set_management_key(&self, present: Option<&ManagementKey>, person: &dyn Person) -> Result<(), KeyError> {
        let (mut card, _) = self.unlocked(person)?;
        card.prove_management(present, person)?;
        card.renew_management()?;
        card.end()
    }

    /// Changes what is still from the factory: asks for a new PIN and PUK, and sets a random management key.
    pub fn protect(&self, person: &dyn Person) -> Result<Protected, KeyError> {
        let mut done = Protected::default();
        if self.has_factory_pin(person)? {
            let new = self.new_secret(Secret::Pin, person)?;
            self.set(Secret::Pin, &factory(FACTORY_PIN), new, person)?;
            done.changed.push("PIN");
        }
        match self.has_factory_puk(person)? {
            Some(true) => {
                let new = self.new_secret(Secret::Puk, person)?;
                self.set(Secret::Puk, &factory(FACTORY_PUK), new, person)?;
                done.changed.push("PUK");
            }
            Some(false) => {}
            // Where the PIN was the factory's, the PUK is likely to be as well. Only a try tells.
            None if done.changed == ["PIN"] => {
                let new = self.new_secret(Secret::Puk, person)?;
                match self.set(Secret::Puk, &factory(FACTORY_PUK), new, person) {
                    Ok(()) => done.changed.push("PUK"),
                    Err(KeyError::Card(CardError::Wrong { .. } | CardError::PukBlocked { .. })) => {
                        done.puk_unknown = true;
                    }
                    Err(error) => return Err(error),
                }
            }
            None => done.puk_unknown = true,
        }
        let mut card = self.hold(person)?;
        let factory = card.has_factory_management(person)?;
        card.end()?;
        if factory {
            self.set_management_key(None, person)?;
            done.changed.push("management key");
        }
        Ok(done)
    }

    /// Before firmware 5.3 the PIN must be typed to be known for the factory's.
    fn has_factory_pin(&self, person: &dyn Person) -> Result<bool, KeyError> {
        let mut card = self.hold(person)?;
        let told = card.secret_metadata(slot::PIN)?.factory;
        card.end()?;
        if let Some(told) = told {
            return Ok(told);
        }
        let (card, pin) = self.unlocked(person)?;
        card.end()?;
        Ok(pin.as_bytes() == FACTORY_PIN)
    }

    fn has_factory_puk(&self, person: &dyn Person) -> Result<Option<bool>, KeyError> {
        let mut card = self.hold(person)?;
        let told = card.secret_metadata(slot::PUK)?.factory;
        card.end()?;
        Ok(told)
    }

    fn set(&self, secret: Secret, present: &Pin, new: Pin, person: &dyn Person) -> Result<(), KeyError> {
        let mut card = self.hold(person)?;
        card.change(secret, present, &new)?;
        if secret == Secret::Pin {
            self.remember(Some(new));
        }
        card.end()
    }

    fn tries(&self, secret: Secret, person: &dyn Person) -> Result<Option<u8>, KeyError> {
        let mut card = self.hold(person)?;
        let (left, blocked) = match secret {
            Secret::Pin => (card.pin_tries()?, CardError::PinBlocked { device: self.name().to_owned() }),
            Secret::Puk => {
                let left = card.secret_metadata(slot::PUK)?.tries_left;
                (left, CardError::PukBlocked { device: self.name().to_owned() })
            }
        };
        card.end()?;
        if left == Some(0) { Err(blocked.into()) } else { Ok(left) }
    }

    fn new_secret(&self, secret: Secret, person: &dyn Person) -> Result<Pin, KeyError> {
        let (kind, known) = match secret {
            Secret::Pin => (PinKind::NewPin, FACTORY_PIN),
            Secret::Puk => (PinKind::NewPuk, FACTORY_PUK),
        };
        let new = person.pin(&self.ask(kind, None))?;
        if new.as_bytes() == known {
            return Err(CardError::Unfit {
                device: self.name().to_owned(),
                what: "this PIN or PUK",
                reason: "it is the one from the factory, which everybody knows".to_owned(),
            }
            .into());
        }
        Ok(new)
    }

    fn ask(&self, kind: PinKind, tries_left: Option<u8>) -> PinAsk {
        PinAsk { device: self.name().to_owned(), kind, tries_left }
    }
}

fn factory(bytes: &[u8]) -> Pin {
    Pin::new(std::str::from_utf8(bytes).unwrap_or_default())
}
