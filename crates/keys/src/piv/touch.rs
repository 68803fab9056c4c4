//! Waiting for a finger.

use std::time::Duration;

use super::hold::Waiting;
use crate::{Person, TouchMoment};

/// A card that needs no touch has answered by then.
pub(crate) const QUIET: Duration = Duration::from_millis(300);
/// How often the time left is told.
const EVERY: Duration = Duration::from_secs(1);
/// How long a YubiKey waits for a touch.
const PATIENCE: Duration = Duration::from_secs(15);

/// One wait, told to a person.
pub(crate) struct Watch<'a> {
    person: &'a dyn Person,
    /// `None` where the key needs no touch: then silence means a slow card.
    touch: Option<(u32, u32)>,
    next: Duration,
    waited: Duration,
}

impl<'a> Watch<'a> {
    /// The wait for touch `number` of `of`, or for a card that needs none.
    pub(crate) fn new(person: &'a dyn Person, touch: Option<(u32, u32)>) -> Self {
        Self { person, touch, next: QUIET, waited: Duration::ZERO }
    }

    /// Looks after so much time whether the person is still there, and tells them how it goes.
    pub(crate) fn look(&mut self, passed: Duration) -> Waiting {
        self.waited = passed;
        if self.person.is_cancelled() {
            return Waiting::GiveUp;
        }
        if let Some((number, of)) = self.touch
            && passed >= self.next
        {
            self.next += EVERY;
            self.person.touch(TouchMoment::Awaited { number, of, left: PATIENCE.saturating_sub(passed) });
        }
        Waiting::GoOn
    }

    /// For how long the card has not answered, as far as it was looked at.
    pub(crate) fn waited(&self) -> Duration {
        self.waited
    }

    /// Whether a touch was asked for.
    pub(crate) fn was_told(&self) -> bool {
        self.next > QUIET
    }
}
