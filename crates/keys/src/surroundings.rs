//! What a program was given to unlock keys with, without asking a person.

use std::sync::{Mutex, PoisonError};

use crate::pkcs11::Modules;
use crate::{
    Attestation, Custody, Intent, KeyError, KeyUri, Message, Passphrase, Person, Pin, PinAsk, PinKind, PublicKey,
    Signature, Signer, TouchMoment,
};

/// Secrets from the surroundings of a process, and what it knows of devices.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// What unlocks files.
    pub passphrase: Option<Passphrase>,
    /// What unlocks cards and tokens.
    pub pin: Option<Pin>,
    /// The PKCS#11 modules that the settings name.
    pub modules: Modules,
}

impl Surroundings {
    /// Looks for secrets where they may be: in the descriptors that were named, in systemd's credentials, in the
    /// environment.
    pub fn look(passphrase: Option<u32>, pin: Option<u32>, modules: Modules) -> Result<Self, KeyError> {
        Ok(Self { passphrase: Passphrase::from_surroundings(passphrase)?, pin: Pin::from_surroundings(pin)?, modules })
    }

    /// These, and for what they have not, the person.
    pub fn before<'a>(&self, person: &'a dyn Person) -> Supplied<'a> {
        Supplied { person, passphrase: self.passphrase.clone(), pin: Mutex::new(Given::of(self.pin.clone())) }
    }
}

/// A person, before whom the surroundings are asked.
///
/// A PIN is given once. Whoever asks again was refused, and a second try with the same PIN would only bring the device
/// nearer to being locked.
pub struct Supplied<'a> {
    person: &'a dyn Person,
    passphrase: Option<Passphrase>,
    pin: Mutex<Given>,
}

enum Given {
    NotYet(Pin),
    Already,
    Nothing,
}

impl Given {
    fn of(pin: Option<Pin>) -> Self {
        pin.map_or(Self::Nothing, Self::NotYet)
    }
}

impl Supplied<'_> {
    fn was_refused(&self) -> bool {
        matches!(*self.pin.lock().unwrap_or_else(PoisonError::into_inner), Given::Already)
    }
}

impl Person for Supplied<'_> {
    fn show(&self, intent: &Intent) {
        self.person.show(intent);
    }

    fn is_there(&self) -> bool {
        self.person.is_there()
    }

    fn passphrase(&self, name: &str) -> Result<Passphrase, KeyError> {
        match &self.passphrase {
            Some(passphrase) => Ok(passphrase.clone()),
            None => self.person.passphrase(name),
        }
    }

    fn mistyped(&self, name: &str, left: u32) -> bool {
        self.passphrase.is_none() && self.person.mistyped(name, left)
    }

    fn pin(&self, ask: &PinAsk) -> Result<Pin, KeyError> {
        if !matches!(ask.kind, PinKind::Pin | PinKind::Token) {
            return self.person.pin(ask);
        }
        let mut given = self.pin.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *given, Given::Already) {
            Given::NotYet(_) if ask.tries_left == Some(1) => Err(KeyError::LastTry(ask.device.clone())),
            Given::NotYet(pin) => Ok(pin),
            Given::Already => Err(KeyError::PinRefused(ask.device.clone())),
            Given::Nothing => {
                *given = Given::Nothing;
                drop(given);
                self.person.pin(ask)
            }
        }
    }

    fn choose(&self, question: &str, choices: &[String]) -> Result<usize, KeyError> {
        self.person.choose(question, choices)
    }

    fn touch(&self, moment: TouchMoment) {
        self.person.touch(moment);
    }

    fn waits(&self, device: &str, by: &[String]) {
        self.person.waits(device, by);
    }

    fn is_cancelled(&self) -> bool {
        self.person.is_cancelled()
    }
}

/// A signer on a device whose PIN is at hand.
pub(crate) struct WithPin {
    signer: Box<dyn Signer>,
    pin: Mutex<Option<Pin>>,
}

impl WithPin {
    pub(crate) fn new(signer: Box<dyn Signer>, pin: Pin) -> Self {
        Self { signer, pin: Mutex::new(Some(pin)) }
    }
}

impl Signer for WithPin {
    fn uri(&self) -> &KeyUri {
        self.signer.uri()
    }

    fn public_key(&self) -> PublicKey {
        self.signer.public_key()
    }

    fn custody(&self) -> Custody {
        self.signer.custody()
    }

    fn sign(&self, batch: &[Message<'_>], person: &dyn Person) -> Result<Vec<Signature>, KeyError> {
        let pin = self.pin.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let supplied = Supplied { person, passphrase: None, pin: Mutex::new(Given::of(pin)) };
        let signed = self.signer.sign(batch, &supplied);
        // What may have been refused is not tried again, by whomever.
        if signed.is_err() && supplied.was_refused() {
            self.pin.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        signed
    }

    fn certificate(&self) -> Result<Option<Vec<u8>>, KeyError> {
        self.signer.certificate()
    }

    fn attestation(&self) -> Result<Option<Attestation>, KeyError> {
        self.signer.attestation()
    }

    fn lock(&self) {
        self.pin.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.signer.lock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Nobody;

    fn ask(kind: PinKind) -> PinAsk {
        PinAsk { device: "YubiKey 1".into(), kind, tries_left: Some(3) }
    }

    #[test]
    fn a_pin_from_the_surroundings_is_tried_once() {
        let surroundings = Surroundings { pin: Some(Pin::new("135790")), ..Surroundings::default() };
        let supplied = surroundings.before(&Nobody);
        assert_eq!(supplied.pin(&ask(PinKind::Pin)).unwrap().as_bytes(), b"135790");
        assert!(matches!(supplied.pin(&ask(PinKind::Pin)), Err(KeyError::PinRefused(device)) if device == "YubiKey 1"));
    }

    #[test]
    fn the_last_try_is_left_to_a_person() {
        let surroundings = Surroundings { pin: Some(Pin::new("135790")), ..Surroundings::default() };
        let last = PinAsk { tries_left: Some(1), ..ask(PinKind::Pin) };
        let error = surroundings.before(&Nobody).pin(&last).unwrap_err();
        assert!(matches!(&error, KeyError::LastTry(device) if device == "YubiKey 1"), "{error}");
    }

    #[test]
    fn other_secrets_are_the_persons_affair() {
        let surroundings = Surroundings { pin: Some(Pin::new("135790")), ..Surroundings::default() };
        let supplied = surroundings.before(&Nobody);
        for kind in [PinKind::Puk, PinKind::NewPin, PinKind::NewPuk] {
            assert!(matches!(supplied.pin(&ask(kind)), Err(KeyError::NobodyToAsk(_))));
        }
        assert!(matches!(supplied.passphrase("a file"), Err(KeyError::NobodyToAsk(_))));
        let nothing = Surroundings::default();
        assert!(matches!(nothing.before(&Nobody).pin(&ask(PinKind::Token)), Err(KeyError::NobodyToAsk(_))));
    }
}
