//! A card that is held, with its PIV application selected.

use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::apdu::{ApduError, Command, Response};
use super::error::CardError;
use super::firmware::Ability;
use super::hold::{Held, NoAnswer, Until, Waiting};
use super::holders::holders;
use super::reader::{LineError, Reader};
use super::status::Status;
use super::touch::{QUIET, Watch};
use crate::{Firmware, KeyError, Person, TouchMoment};

/// The PIV application's identifier; its first bytes select it.
const PIV: [u8; 5] = [0xa0, 0x00, 0x00, 0x03, 0x08];
/// Yubico's OTP application, which tells the serial number before firmware 5.
const OTP: [u8; 8] = [0xa0, 0x00, 0x00, 0x05, 0x27, 0x20, 0x01, 0x01];

const SELECT: u8 = 0xa4;
const GET_VERSION: u8 = 0xfd;
const GET_SERIAL: u8 = 0xf8;

/// How long others may hold the card before that is said. Longer than a card waits for a touch, so that a signature
/// that was cancelled has run out.
const OTHERS: Duration = Duration::from_secs(20);

/// How often another program's reset may come while a card is looked at.
const RESETS: u32 = 3;

/// A card that is held. Dropped, it is reset and let go.
pub(crate) struct Card {
    held: Held,
    device: String,
    pub(crate) firmware: Firmware,
    pub(crate) serial: Option<u32>,
}

/// Why a held card gave no answer.
pub(crate) enum Failure {
    Broken(KeyError),
    /// The one who asked gave up.
    GaveUp,
}

impl Card {
    /// Takes the card in this reader, waiting for others to let it go. `None` where it has no PIV application.
    pub(crate) fn take(reader: &Arc<dyn Reader>, person: &dyn Person) -> Result<Option<Self>, KeyError> {
        // What a program that was killed had begun is reset by the service when it gets to it, which may be after we
        // have the card. Nothing was unlocked yet, so that nothing is lost by beginning again.
        for _ in 1..RESETS {
            match Self::take_once(reader, person) {
                Err(KeyError::Card(CardError::Line { source: LineError::Reset, .. })) => {}
                taken => return taken,
            }
        }
        Self::take_once(reader, person)
    }

    fn take_once(reader: &Arc<dyn Reader>, person: &dyn Person) -> Result<Option<Self>, KeyError> {
        let name = || format!("the card in {}", printable(reader.name()));
        let (mut cancelled, mut told) = (false, false);
        let held = Held::take(Arc::clone(reader), &mut |until, passed| {
            cancelled = person.is_cancelled();
            if until == Until::OthersEnd && passed >= QUIET && !std::mem::replace(&mut told, true) {
                person.waits(&name(), &holders());
            }
            if cancelled || passed > OTHERS { Waiting::GiveUp } else { Waiting::GoOn }
        });
        let held = match held {
            Ok(held) => held,
            Err(NoAnswer::GaveUp) if cancelled => return Err(KeyError::Cancelled),
            Err(NoAnswer::GaveUp | NoAnswer::Line(LineError::Busy)) => {
                return Err(CardError::Held { device: name(), by: holders() }.into());
            }
            Err(NoAnswer::Line(source)) => return Err(CardError::Line { device: name(), source }.into()),
        };
        let mut card = Self { held, device: name(), firmware: Firmware::UNKNOWN, serial: None };
        if !card.select(&PIV)? {
            return Ok(None);
        }
        card.identify()?;
        Ok(Some(card))
    }

    /// How people know it.
    pub(crate) fn device(&self) -> &str {
        &self.device
    }

    /// Sends a command and waits for the answer, whatever its status.
    pub(crate) fn send(&mut self, doing: &'static str, command: &Command) -> Result<Response, KeyError> {
        self.send_watched(doing, command, &mut |_| Waiting::GoOn).map_err(|failure| match failure {
            Failure::Broken(error) => error,
            Failure::GaveUp => KeyError::Cancelled,
        })
    }

    /// The same, while `waiting` is asked with the time that has passed.
    pub(crate) fn send_watched(
        &mut self,
        doing: &'static str,
        command: &Command,
        waiting: &mut dyn FnMut(Duration) -> Waiting,
    ) -> Result<Response, Failure> {
        let Self { held, device, .. } = self;
        let exchanged = command.exchange(&mut |bytes: &[u8]| held.transmit(bytes, waiting).map_err(Trouble::NoAnswer));
        exchanged.map_err(|trouble| match trouble {
            Trouble::NoAnswer(NoAnswer::GaveUp) => Failure::GaveUp,
            Trouble::NoAnswer(NoAnswer::Line(source)) => {
                Failure::Broken(CardError::Line { device: device.clone(), source }.into())
            }
            Trouble::Apdu(error) => {
                let device = device.clone();
                Failure::Broken(CardError::Protocol { device, doing, reason: error.to_string() }.into())
            }
        })
    }

    /// Sends a command for which the card may want a touch, and tells the person how that goes, but for its success.
    pub(crate) fn send_touched(
        &mut self,
        doing: &'static str,
        command: &Command,
        watch: &mut Watch<'_>,
        person: &dyn Person,
    ) -> Result<Response, KeyError> {
        self.send_watched(doing, command, &mut |passed| watch.look(passed)).map_err(|failure| match failure {
            Failure::GaveUp => {
                person.touch(TouchMoment::Cancelled);
                KeyError::Cancelled
            }
            Failure::Broken(error) => {
                if matches!(error, KeyError::Card(CardError::Line { source: LineError::Removed, .. })) {
                    person.touch(TouchMoment::Removed);
                }
                error
            }
        })
    }

    /// Sends a command that must succeed.
    pub(crate) fn expect(&mut self, doing: &'static str, command: &Command) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let response = self.send(doing, command)?;
        match response.status {
            Status::Success => Ok(response.data),
            status => Err(self.refused(doing, status)),
        }
    }

    pub(crate) fn refused(&self, doing: &'static str, status: Status) -> KeyError {
        CardError::Refused { device: self.device.clone(), doing, status }.into()
    }

    pub(crate) fn senseless(&self, doing: &'static str, reason: impl Into<String>) -> KeyError {
        CardError::Protocol { device: self.device.clone(), doing, reason: reason.into() }.into()
    }

    /// Refuses what the firmware has not.
    pub(crate) fn needs(&self, ability: Ability) -> Result<(), KeyError> {
        if self.firmware.has(ability) {
            return Ok(());
        }
        let lack = ability.lack().to_owned();
        Err(CardError::Lacks { device: self.device.clone(), firmware: self.firmware, lack }.into())
    }

    /// Resets the card and lets it go, and says whether that worked.
    pub(crate) fn end(self) -> Result<(), KeyError> {
        let Self { held, device, .. } = self;
        held.end().map_err(|source| CardError::Line { device, source }.into())
    }

    fn select(&mut self, application: &[u8]) -> Result<bool, KeyError> {
        let command = Command::new(SELECT, 4, 0).with_bytes(application);
        Ok(self.send("its applications were looked at", &command)?.status == Status::Success)
    }

    /// Version and serial number. A card that tells neither is a PIV card of another maker.
    fn identify(&mut self) -> Result<(), KeyError> {
        let version = self.send("telling its version", &Command::new(GET_VERSION, 0, 0))?;
        let (Status::Success, &[major, minor, patch]) = (version.status, version.data.as_slice()) else {
            return Ok(());
        };
        self.firmware = Firmware::new(major, minor, patch);
        self.serial = if self.firmware.has(Ability::SerialNumber) {
            self.ask_serial(&Command::new(GET_SERIAL, 0, 0))?
        } else {
            // Nothing is unlocked yet, so that the other application drops nothing.
            let serial = if self.select(&OTP)? { self.ask_serial(&Command::new(0x01, 0x10, 0))? } else { None };
            if !self.select(&PIV)? {
                return Err(self.senseless("its PIV application was selected again", "it has none any more"));
            }
            serial
        };
        if let Some(serial) = self.serial {
            self.device = format!("YubiKey {serial}");
        }
        Ok(())
    }

    fn ask_serial(&mut self, command: &Command) -> Result<Option<u32>, KeyError> {
        let response = self.send("telling its serial number", command)?;
        let serial = <[u8; 4]>::try_from(response.data.as_slice()).ok().map(u32::from_be_bytes);
        Ok(serial.filter(|_| response.status == Status::Success))
    }
}

enum Trouble {
    NoAnswer(NoAnswer),
    Apdu(ApduError),
}

impl From<ApduError> for Trouble {
    fn from(error: ApduError) -> Self {
        Self::Apdu(error)
    }
}

/// A reader's name comes from a device that somebody plugged in.
pub(crate) fn printable(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(80).collect()
}
