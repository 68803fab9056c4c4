//! One at a time, in the order of asking: a person can look at one request, and a card sign one.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How often one who waits looks whether they still want to.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Default)]
pub(super) struct Turns {
    line: Mutex<Line>,
    moved: Condvar,
}

#[derive(Default)]
struct Line {
    next: u64,
    waiting: VecDeque<u64>,
}

/// One's turn; it ends when this is dropped.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    number: u64,
}

impl Turns {
    /// Waits for one's turn; tells once how many are before. `None` when `is_wanted` says no meanwhile.
    pub(super) fn wait(&self, is_wanted: &dyn Fn() -> bool, tell: &mut dyn FnMut(usize)) -> Option<Turn<'_>> {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let number = line.next;
        line.next += 1;
        line.waiting.push_back(number);
        let turn = Turn { turns: self, number };
        let before = line.waiting.len() - 1;
        if before > 0 {
            drop(line);
            tell(before);
            line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        }
        while line.waiting.front() != Some(&number) {
            if !is_wanted() {
                // Leaving the line takes the lock itself.
                drop(line);
                return None;
            }
            line = self.moved.wait_timeout(line, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
        Some(turn)
    }

    /// How many have or wait for a turn.
    pub(super) fn len(&self) -> usize {
        self.line.lock().unwrap_or_else(PoisonError::into_inner).waiting.len()
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut line = self.turns.line.lock().unwrap_or_else(PoisonError::into_inner);
        line.waiting.retain(|number| *number != self.number);
        drop(line);
        self.turns.moved.notify_all();
    }
}
