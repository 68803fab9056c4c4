//! A card that is held for us by a thread of its own.
//!
//! A command that waits for a touch blocks until the card gives up; nothing takes it back. The thread may wait so long,
//! while whoever asked counts down, or goes away: then the late answer is thrown away and the card is reset, and only
//! after that anyone else gets it.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::reader::{LineError, Reader};

/// How often the one who asked looks whether the person gave up.
const TICK: Duration = Duration::from_millis(50);

/// How long the end of a hold is waited for. The reset of a real card takes half a second.
const END: Duration = Duration::from_secs(5);

/// A card that nobody else can talk to. Dropped, the card is reset and let go.
pub(crate) struct Held {
    /// `None` once nothing more will be asked.
    commands: Option<Sender<Zeroizing<Vec<u8>>>>,
    events: Receiver<Event>,
    /// Whether to wait for the reset when it is dropped.
    patient: bool,
}

enum Event {
    /// Nobody else has it; it is being reset.
    Taken,
    Ready,
    Answer(Result<Zeroizing<Vec<u8>>, LineError>),
    Ended(Result<(), LineError>),
}

/// What a card that is taken is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// The end of other programs' use of it.
    OthersEnd,
    /// The end of its reset, which takes half a second on a real card.
    Reset,
}

/// Whether to go on waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    GoOn,
    GiveUp,
}

/// Why no answer came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    Line(LineError),
    GaveUp,
}

impl Held {
    /// Takes the card. `waiting` is asked with what is waited for, and since when.
    pub(crate) fn take(
        reader: Arc<dyn Reader>,
        waiting: &mut dyn FnMut(Until, Duration) -> Waiting,
    ) -> Result<Self, NoAnswer> {
        let (commands, asked) = mpsc::channel::<Zeroizing<Vec<u8>>>();
        let (told, events) = mpsc::channel();
        let talk = move || {
            let taken = &mut || {
                // Whoever gave up is noticed before the first command.
                let _ = told.send(Event::Taken);
            };
            let result = reader.hold(taken, &mut |line| {
                if told.send(Event::Ready).is_err() {
                    return;
                }
                while let Ok(command) = asked.recv() {
                    if told.send(Event::Answer(line.transmit(&command))).is_err() {
                        return;
                    }
                }
            });
            let _ = told.send(Event::Ended(result));
        };
        thread::Builder::new()
            .name("card".to_owned())
            .spawn(talk)
            .map_err(|error| NoAnswer::Line(LineError::Other(format!("no thread could be started: {error}"))))?;
        let mut held = Self { commands: Some(commands), events, patient: true };
        let mut until = Until::OthersEnd;
        loop {
            match held.wait(&mut |passed| waiting(until, passed))? {
                // Told more than once where the reader has to begin again.
                Event::Taken => until = Until::Reset,
                Event::Ready => return Ok(held),
                Event::Ended(Err(error)) => return Err(NoAnswer::Line(error)),
                Event::Ended(Ok(())) | Event::Answer(_) => return Err(ended()),
            }
        }
    }

    /// Sends one APDU and waits for its answer, asking `waiting` with the time that has passed. Given up, the answer is
    /// thrown away whenever it comes.
    pub(crate) fn transmit(
        &mut self,
        command: &[u8],
        waiting: &mut dyn FnMut(Duration) -> Waiting,
    ) -> Result<Zeroizing<Vec<u8>>, NoAnswer> {
        let commands = self.commands.as_ref().ok_or_else(ended)?;
        commands.send(Zeroizing::new(command.to_vec())).map_err(|_| ended())?;
        match self.wait(waiting)? {
            Event::Answer(answer) => answer.map_err(NoAnswer::Line),
            Event::Ended(Err(error)) => Err(NoAnswer::Line(error)),
            Event::Ended(Ok(())) | Event::Ready | Event::Taken => Err(ended()),
        }
    }

    /// Resets the card and lets it go; tells whether that worked.
    pub(crate) fn end(mut self) -> Result<(), LineError> {
        self.release()
    }

    fn wait(&mut self, waiting: &mut dyn FnMut(Duration) -> Waiting) -> Result<Event, NoAnswer> {
        let start = Instant::now();
        loop {
            match self.events.recv_timeout(TICK) {
                Ok(event) => return Ok(event),
                Err(RecvTimeoutError::Disconnected) => return Err(ended()),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if waiting(start.elapsed()) == Waiting::GiveUp {
                self.commands = None;
                self.patient = false;
                return Err(NoAnswer::GaveUp);
            }
        }
    }

    fn release(&mut self) -> Result<(), LineError> {
        self.commands = None;
        if !std::mem::take(&mut self.patient) {
            return Ok(());
        }
        let until = Instant::now() + END;
        loop {
            match self.events.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Event::Ended(result)) => return result,
                Ok(_) => {}
                Err(_) => return Err(LineError::Other("it could not be reset in time; pull it out".to_owned())),
            }
        }
    }
}

fn ended() -> NoAnswer {
    NoAnswer::Line(LineError::Other("the line to it ended".to_owned()))
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.release();
    }
}
