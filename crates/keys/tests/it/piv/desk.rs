//! A desk with cards in readers, and the person who sits there.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use keys::certificate::{Subject, validity_from};
use keys::piv::reader::{Line, LineError, Reader, Readers};
use keys::piv::{Device, NewKey, Provisioned};
use keys::{Algorithm, Intent, KeyError, Passphrase, Person, Pin, PinAsk, PinKind, PinPolicy, TouchMoment, Unasked};
use time::OffsetDateTime;
use virtual_card::{Card, Finger, Firmware};
use zeroize::Zeroizing;

pub(crate) const PIN: &str = "264851";
pub(crate) const PUK: &str = "90315764";

pub(crate) const NOW: OffsetDateTime = time::macros::datetime!(2025-07-20 12:00 UTC);

/// Readers whose cards are called as functions.
#[derive(Clone, Default)]
pub(crate) struct Desk {
    readers: Arc<Mutex<Vec<Arc<MemoryReader>>>>,
}

/// One of them.
pub(crate) struct MemoryReader {
    name: String,
    card: Mutex<Card>,
    /// From then on nothing answers.
    pub(crate) removed: Mutex<bool>,
    /// Another program has it.
    pub(crate) busy: Mutex<bool>,
    /// Every command with its answer.
    pub(crate) log: Mutex<Vec<(Vec<u8>, Vec<u8>)>>,
    /// How often the card was reset.
    pub(crate) resets: Mutex<u32>,
}

impl Desk {
    pub(crate) fn with(cards: impl IntoIterator<Item = Card>) -> Self {
        let desk = Self::default();
        for card in cards {
            desk.plug(card);
        }
        desk
    }

    pub(crate) fn plug(&self, card: Card) -> Arc<MemoryReader> {
        let mut readers = self.readers.lock().unwrap();
        let reader = Arc::new(MemoryReader {
            name: format!("Virtual Reader 00 {:02}", readers.len()),
            card: Mutex::new(card),
            removed: Mutex::default(),
            busy: Mutex::default(),
            log: Mutex::default(),
            resets: Mutex::default(),
        });
        readers.push(Arc::clone(&reader));
        reader
    }

    pub(crate) fn reader(&self, number: usize) -> Arc<MemoryReader> {
        Arc::clone(&self.readers.lock().unwrap()[number])
    }

    pub(crate) fn swap(&self, one: usize, other: usize) {
        self.readers.lock().unwrap().swap(one, other);
    }

    pub(crate) fn unplug(&self, number: usize) {
        let reader = self.readers.lock().unwrap().remove(number);
        *reader.removed.lock().unwrap() = true;
    }

    pub(crate) fn readers(&self) -> Arc<dyn Readers> {
        Arc::new(self.clone())
    }

    pub(crate) fn device(&self) -> Device {
        Device::find(&self.readers(), None, &Sitting::new()).unwrap()
    }
}

impl Readers for Desk {
    fn with_card(&self) -> Result<Vec<Arc<dyn Reader>>, LineError> {
        Ok(self.readers.lock().unwrap().iter().map(|reader| Arc::clone(reader) as Arc<dyn Reader>).collect())
    }
}

impl Reader for MemoryReader {
    fn name(&self) -> &str {
        &self.name
    }

    fn hold(&self, taken: &mut dyn FnMut(), body: &mut dyn FnMut(&mut dyn Line)) -> Result<(), LineError> {
        if *self.removed.lock().unwrap() {
            return Err(LineError::Removed);
        }
        if *self.busy.lock().unwrap() {
            return Err(LineError::Busy);
        }
        let mut card = self.card.lock().unwrap();
        taken();
        card.reset();
        body(&mut MemoryLine { reader: self, card: &mut card });
        card.reset();
        *self.resets.lock().unwrap() += 1;
        if *self.removed.lock().unwrap() { Err(LineError::Removed) } else { Ok(()) }
    }
}

impl MemoryReader {
    /// What another program would be answered now.
    pub(crate) fn other_program(&self, command: &[u8]) -> Vec<u8> {
        self.card.lock().unwrap().transmit(command)
    }

    /// The instructions that were sent since the log was cleared.
    pub(crate) fn instructions(&self) -> Vec<u8> {
        self.log.lock().unwrap().iter().map(|(command, _)| command[1]).collect()
    }
}

struct MemoryLine<'a> {
    reader: &'a MemoryReader,
    card: &'a mut Card,
}

impl Line for MemoryLine<'_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, LineError> {
        if *self.reader.removed.lock().unwrap() {
            return Err(LineError::Removed);
        }
        let answer = self.card.transmit(command);
        self.reader.log.lock().unwrap().push((command.to_vec(), answer.clone()));
        if *self.reader.removed.lock().unwrap() {
            return Err(LineError::Removed);
        }
        Ok(Zeroizing::new(answer))
    }
}

/// A person who knows what to answer, and remembers what they were asked.
#[derive(Default)]
pub(crate) struct Sitting {
    pub(crate) pins: Mutex<VecDeque<String>>,
    pub(crate) asked: Mutex<Vec<PinAsk>>,
    pub(crate) questions: Mutex<Vec<(String, Vec<String>)>>,
    /// What is chosen, of every question.
    pub(crate) choice: usize,
    pub(crate) moments: Mutex<Vec<TouchMoment>>,
    pub(crate) cancelled: Mutex<bool>,
    /// Devices that others were said to have.
    pub(crate) waited: Mutex<Vec<String>>,
    /// Called at each moment of a wait.
    pub(crate) at_moment: Option<Box<dyn Fn(TouchMoment) + Send + Sync>>,
}

impl Sitting {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Types these, one after the other, whatever is asked; then `PIN` and `PUK` as it fits.
    pub(crate) fn typing(pins: &[&str]) -> Self {
        Self { pins: Mutex::new(pins.iter().map(|pin| (*pin).to_owned()).collect()), ..Self::default() }
    }

    pub(crate) fn moments(&self) -> Vec<TouchMoment> {
        self.moments.lock().unwrap().clone()
    }

    pub(crate) fn asks(&self) -> Vec<(PinKind, Option<u8>)> {
        self.asked.lock().unwrap().iter().map(|ask| (ask.kind, ask.tries_left)).collect()
    }
}

impl Person for Sitting {
    fn show(&self, _: &Intent) {}

    fn passphrase(&self, name: &str) -> Result<Passphrase, KeyError> {
        Err(KeyError::NobodyToAsk(Unasked::new(name)))
    }

    fn pin(&self, ask: &PinAsk) -> Result<Pin, KeyError> {
        self.asked.lock().unwrap().push(ask.clone());
        let usual = if matches!(ask.kind, PinKind::Puk | PinKind::NewPuk) { PUK } else { PIN };
        let typed = self.pins.lock().unwrap().pop_front();
        Ok(Pin::new(typed.as_deref().unwrap_or(usual)))
    }

    fn choose(&self, question: &str, choices: &[String]) -> Result<usize, KeyError> {
        self.questions.lock().unwrap().push((question.to_owned(), choices.to_vec()));
        Ok(self.choice)
    }

    fn touch(&self, moment: TouchMoment) {
        self.moments.lock().unwrap().push(moment);
        if let Some(then) = &self.at_moment {
            then(moment);
        }
    }

    fn waits(&self, device: &str, _: &[String]) {
        self.waited.lock().unwrap().push(device.to_owned());
    }

    fn is_cancelled(&self) -> bool {
        *self.cancelled.lock().unwrap()
    }
}

/// A card that is no longer as it came from the factory, and the finger that touches it at once.
pub(crate) fn card_of_one(firmware: Firmware, serial: u32) -> (Card, Finger) {
    let card = Card::new(firmware, serial);
    let finger = card.finger();
    finger.down();
    let desk = Desk::with([card]);
    desk.device().protect(&Sitting::typing(factory_pins(firmware))).unwrap();
    (desk.take(), finger)
}

impl Desk {
    /// The only card of the desk, out of its reader.
    pub(crate) fn take(self) -> Card {
        let reader = self.readers.lock().unwrap().remove(0);
        let blank = Card::new(Firmware::V5_7, 0);
        std::mem::replace(&mut *reader.card.lock().unwrap(), blank)
    }
}

/// Before firmware 5.3 the PIN is typed to be known for the factory's.
fn factory_pins(firmware: Firmware) -> &'static [&'static str] {
    if has_metadata(firmware) { &[PIN, PUK] } else { &["123456", PIN] }
}

pub(crate) fn has_metadata(firmware: Firmware) -> bool {
    firmware >= Firmware::V5_4
}

pub(crate) fn new_key() -> NewKey {
    NewKey {
        algorithm: Algorithm::EcdsaP256,
        touch: None,
        pin: PinPolicy::Once,
        subject: Subject::named("release"),
        valid: validity_from(NOW.into()),
        replace: false,
    }
}

/// A desk with one card that has a key in its slot for signatures.
pub(crate) fn with_key(firmware: Firmware, new: &NewKey) -> (Desk, Provisioned, Finger) {
    let (card, finger) = card_of_one(firmware, 12_345_678);
    let desk = Desk::with([card]);
    let made = desk.device().generate(0x9c, new, None, &Sitting::new()).unwrap();
    finger.let_window_pass();
    made.signer.device().lock();
    (desk, made, finger)
}
