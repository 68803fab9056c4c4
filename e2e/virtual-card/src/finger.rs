//! Who touches the card, and when.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A hand on the card's contact: it is told what the person does, from any thread, while the card waits or before.
///
/// A new one does not touch ([`Finger::up`]).
#[derive(Debug, Clone, Default)]
pub struct Finger {
    shared: Arc<(Mutex<Contact>, Condvar)>,
}

/// What the person does whenever the card blinks.
#[derive(Debug, Clone, Copy, Default)]
enum Habit {
    /// Nothing, until told otherwise.
    #[default]
    Up,
    /// Touches at once.
    Down,
    /// Touches this long after the card begins to blink.
    After(Duration),
    /// Is not there: the card's wait ends at once, as though all of it had passed.
    Absent,
}

#[derive(Debug, Default)]
struct Contact {
    habit: Habit,
    /// The card blinks.
    awaited: bool,
    /// One touch came while it blinks.
    touched: bool,
    /// The card was pulled out while it blinks, or has no power at all.
    unpowered: bool,
    consumed: u64,
    waits: u64,
    /// When the touch came that *cached* keys still count.
    cached: Option<Instant>,
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Touch {
    Came,
    NotInTime,
    PulledOut,
}

impl Finger {
    /// A finger that does not touch.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on each wait of the card is answered at once.
    pub fn down(&self) {
        self.become_used_to(Habit::Down);
    }

    /// From now on nobody touches; the card waits for its whole time, or for [`Finger::touch`].
    pub fn up(&self) {
        self.become_used_to(Habit::Up);
    }

    /// From now on each wait of the card is answered after so long. Later than the card's patience is too late.
    pub fn touch_after(&self, delay: Duration) {
        self.become_used_to(Habit::After(delay));
    }

    /// From now on nobody is there, and the card's waits end at once without a touch, so that a test of "no touch in
    /// time" need not wait for it.
    pub fn absent(&self) {
        self.become_used_to(Habit::Absent);
    }

    /// One touch now. Where the card does not wait for one it is lost, as on a real key.
    pub fn touch(&self) {
        let mut contact = self.lock();
        if contact.awaited {
            contact.touched = true;
        }
        self.shared.1.notify_all();
    }

    /// Whether the card blinks at this moment.
    pub fn is_awaited(&self) -> bool {
        self.lock().awaited
    }

    /// Waits until the card blinks; false when it did not within this time.
    pub fn wait_until_awaited(&self, patience: Duration) -> bool {
        let contact = self.lock();
        let result = self.shared.1.wait_timeout_while(contact, patience, |contact| !contact.awaited);
        result.unwrap_or_else(PoisonError::into_inner).0.awaited
    }

    /// Waits until the card does not blink any more; false when it still does after this time.
    pub fn wait_while_awaited(&self, patience: Duration) -> bool {
        let contact = self.lock();
        let result = self.shared.1.wait_timeout_while(contact, patience, |contact| contact.awaited);
        !result.unwrap_or_else(PoisonError::into_inner).0.awaited
    }

    /// How many touches the card took so far.
    pub fn touches(&self) -> u64 {
        self.lock().consumed
    }

    /// How often the card began to blink so far.
    pub fn waits(&self) -> u64 {
        self.lock().waits
    }

    /// Closes the window of *cached* keys as though its time had passed, so that a test need not wait.
    pub fn let_window_pass(&self) {
        self.lock().cached = None;
    }

    pub(crate) fn wait(&self, patience: Duration) -> Touch {
        let start = Instant::now();
        let mut contact = self.lock();
        contact.awaited = true;
        contact.touched = false;
        contact.waits += 1;
        self.shared.1.notify_all();
        let outcome = loop {
            let passed = start.elapsed();
            let due = match contact.habit {
                Habit::Down => Duration::ZERO,
                Habit::After(delay) => delay,
                Habit::Up | Habit::Absent => Duration::MAX,
            };
            if contact.unpowered {
                break Touch::PulledOut;
            }
            if contact.touched || (due <= passed && due < patience) {
                break Touch::Came;
            }
            if passed >= patience || matches!(contact.habit, Habit::Absent) {
                break Touch::NotInTime;
            }
            let next = due.min(patience).saturating_sub(passed);
            let waited = self.shared.1.wait_timeout(contact, next).unwrap_or_else(PoisonError::into_inner);
            contact = waited.0;
        };
        contact.awaited = false;
        contact.touched = false;
        contact.consumed += u64::from(outcome == Touch::Came);
        self.shared.1.notify_all();
        outcome
    }

    /// A touch that *cached* keys count from now on.
    pub(crate) fn open_window(&self) {
        self.lock().cached = Some(Instant::now());
    }

    pub(crate) fn window_is_open(&self, length: Duration) -> bool {
        self.lock().cached.is_some_and(|since| since.elapsed() < length)
    }

    /// Power is what a wait needs; without it, it ends.
    pub(crate) fn power(&self, on: bool) {
        self.lock().unpowered = !on;
        self.shared.1.notify_all();
    }

    fn become_used_to(&self, habit: Habit) {
        self.lock().habit = habit;
        self.shared.1.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Contact> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_touch_before_the_card_blinks_is_lost() {
        let finger = Finger::new();
        finger.touch();
        assert_eq!(finger.wait(Duration::from_millis(20)), Touch::NotInTime);
        assert_eq!((finger.touches(), finger.waits()), (0, 1));
    }

    #[test]
    fn a_touch_while_it_blinks_counts_once() {
        let finger = Finger::new();
        let card = finger.clone();
        let wait = std::thread::spawn(move || card.wait(Duration::from_mins(1)));
        assert!(finger.wait_until_awaited(Duration::from_mins(1)));
        finger.touch();
        assert_eq!(wait.join().expect("the card's thread"), Touch::Came);
        assert_eq!((finger.touches(), finger.is_awaited()), (1, false));
    }

    #[test]
    fn a_touch_later_than_the_cards_patience_is_too_late() {
        let finger = Finger::new();
        finger.touch_after(Duration::from_hours(1));
        assert_eq!(finger.wait(Duration::from_millis(20)), Touch::NotInTime);
    }

    #[test]
    fn pulling_the_card_out_ends_its_wait() {
        let finger = Finger::new();
        let card = finger.clone();
        let wait = std::thread::spawn(move || card.wait(Duration::from_hours(1)));
        assert!(finger.wait_until_awaited(Duration::from_mins(1)));
        finger.power(false);
        assert_eq!(wait.join().expect("the card's thread"), Touch::PulledOut);
    }

    #[test]
    fn where_nobody_is_there_the_wait_ends_at_once() {
        let finger = Finger::new();
        finger.absent();
        assert_eq!(finger.wait(Duration::from_hours(1)), Touch::NotInTime);
    }
}
