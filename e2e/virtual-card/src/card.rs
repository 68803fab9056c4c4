//! The card: APDUs in, answers out.

use std::time::Duration;

use crate::apdu::{Answer, Command, Status};
use crate::applications;
use crate::finger::Finger;
use crate::firmware::Firmware;
use crate::piv::{self, Piv};
use crate::sensor::Sensor;

/// The longest command that is put together from parts.
const LONGEST: usize = 4096;

/// A YubiKey in software: its PIV application with all that it keeps, and the little of the others that is asked for.
///
/// New from the factory: PIN 123456, PUK 12345678, the management key that everybody knows, an attestation key under
/// [the test roots](crate::vendor), no other key, and a [`Finger`] that does not touch.
pub struct Card {
    firmware: Firmware,
    serial: u32,
    piv: Piv,
    selected: Option<Application>,
    /// Parts of a command that is chained (ISO 7816-4 §5.3.3).
    pending: Option<Command>,
    /// What of an answer waits for GET RESPONSE.
    remaining: Vec<u8>,
    reselecting_keeps_pin: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Application {
    Piv,
    Otp,
    Management,
}

impl Card {
    /// A card from the factory.
    pub fn new(firmware: Firmware, serial: u32) -> Self {
        Self {
            firmware,
            serial,
            piv: Piv::new(firmware, serial, Sensor::default()),
            selected: None,
            pending: None,
            remaining: Vec::new(),
            reselecting_keeps_pin: false,
        }
    }

    /// How long the card waits for a touch; 15 s on real ones.
    #[must_use]
    pub fn waiting_for(mut self, patience: Duration) -> Self {
        self.piv.sensor.patience = patience;
        self
    }

    /// How long a touch counts for keys of the policy *cached*; 15 s on real ones.
    #[must_use]
    pub fn with_window(mut self, window: Duration) -> Self {
        self.piv.sensor.window = window;
        self
    }

    /// Whether a reset closes the window of *cached* keys. What real hardware does is not known, so whoever relies on
    /// the one or the other should be tested with both; the window stays open where nothing is said.
    #[must_use]
    pub fn closing_window_on_reset(mut self, closes: bool) -> Self {
        self.piv.sensor.reset_closes_window = closes;
        self
    }

    /// Whether selecting PIV again keeps the PIN, as SP 800-73-4 part 2 §3.1.1 asks. Real firmwares were seen described
    /// both ways; the PIN is forgotten where nothing is said.
    #[must_use]
    pub fn keeping_pin_on_reselect(mut self, keeps: bool) -> Self {
        self.reselecting_keeps_pin = keeps;
        self
    }

    /// The hand on the contact. All handles of a card are of one hand.
    pub fn finger(&self) -> Finger {
        self.piv.sensor.finger.clone()
    }

    /// What it answers as.
    pub fn firmware(&self) -> Firmware {
        self.firmware
    }

    /// Its serial number.
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// The answer to reset.
    pub fn atr(&self) -> &'static [u8] {
        self.firmware.atr()
    }

    /// Power lost and found, or a warm reset: no application is selected, and nothing is proved.
    pub fn reset(&mut self) {
        self.selected = None;
        self.pending = None;
        self.remaining.clear();
        self.piv.forget();
        if self.piv.sensor.reset_closes_window {
            self.piv.sensor.finger.let_window_pass();
        }
    }

    /// One command APDU in, data and status word out. Waits as long as the card does, where a touch is asked for.
    pub fn transmit(&mut self, command: &[u8]) -> Vec<u8> {
        let Some(command) = Command::parse(command) else { return self.reply(Err(Status::WRONG_LENGTH), 0) };
        let room = command.room;
        if command.instruction == 0xc0 {
            return self.next_part(room);
        }
        self.remaining.clear();
        match self.assemble(command) {
            Ok(None) => self.reply(Ok(Vec::new()), room),
            Ok(Some(command)) => {
                let answer = self.answer(&command);
                self.reply(answer, room)
            }
            Err(status) => self.reply(Err(status), room),
        }
    }

    /// Puts the parts of a chained command together; nothing while more are to come.
    fn assemble(&mut self, command: Command) -> Result<Option<Command>, Status> {
        let more = match command.class {
            0x00 => false,
            0x10 => true,
            _ => return Err(Status::UNKNOWN_CLASS),
        };
        let whole = match self.pending.take() {
            Some(mut first)
                if (first.instruction, first.p1, first.p2) == (command.instruction, command.p1, command.p2) =>
            {
                first.data.extend(&command.data);
                first
            }
            // Another command in the middle: what came before is dropped.
            _ => command,
        };
        if whole.data.len() > LONGEST {
            return Err(Status::NO_SPACE);
        }
        if more {
            self.pending = Some(whole);
            return Ok(None);
        }
        Ok(Some(whole))
    }

    fn answer(&mut self, command: &Command) -> Answer {
        if command.instruction == 0xa4 {
            return self.select(command);
        }
        match self.selected {
            Some(Application::Piv) => self.piv.answer(command),
            Some(Application::Otp) => applications::otp(command, self.serial),
            Some(Application::Management) => applications::management(command, self.firmware, self.serial),
            // What a real card answers before anything is selected was not seen.
            None => Err(Status::UNKNOWN_INSTRUCTION),
        }
    }

    /// SELECT by a name (ISO 7816-4 §7.1.1): whole, or its first bytes.
    fn select(&mut self, command: &Command) -> Answer {
        if command.p1 != 4 {
            return Err(Status::WRONG_PARAMETERS);
        }
        let named = |name: &[u8]| command.data.len() >= 5 && name.starts_with(&command.data);
        let application = if named(&piv::AID) {
            Application::Piv
        } else if named(&applications::OTP) && self.firmware.has_otp_application() {
            Application::Otp
        } else if named(&applications::MANAGEMENT) {
            Application::Management
        } else {
            return Err(Status::NOT_FOUND);
        };
        let again = self.selected == Some(Application::Piv) && application == Application::Piv;
        if !(again && self.reselecting_keeps_pin) {
            self.piv.forget();
        }
        self.selected = Some(application);
        Ok(match application {
            Application::Piv => Piv::properties(),
            Application::Otp => applications::otp_status(self.firmware),
            Application::Management => applications::management_version(self.firmware),
        })
    }

    fn next_part(&mut self, room: usize) -> Vec<u8> {
        if self.remaining.is_empty() {
            return self.reply(Err(Status::CONDITIONS), room);
        }
        let rest = std::mem::take(&mut self.remaining);
        self.reply(Ok(rest), room)
    }

    /// As much of the answer as there is room for; the rest waits.
    fn reply(&mut self, answer: Answer, room: usize) -> Vec<u8> {
        let (mut data, status) = match answer {
            Ok(data) => (data, Status::OK),
            Err(status) => (Vec::new(), status),
        };
        let status = if data.len() > room {
            self.remaining = data.split_off(room);
            Status::more(self.remaining.len())
        } else {
            status
        };
        data.extend(status.0.to_be_bytes());
        data
    }
}
