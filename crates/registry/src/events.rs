//! What was pushed under a tag lately, for those who follow: agents ask their users whether to sign it.
//!
//! It is kept in memory, the last thousand of it: whoever comes too late, or after a restart, is told that something was
//! missed and can look at the tags themselves.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;

/// As many are kept.
const KEPT: usize = 1024;

/// A tag that was set.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Event {
    /// Counted from 1 since the server was started.
    pub(crate) number: u64,
    pub(crate) repository: String,
    pub(crate) tag: String,
    pub(crate) digest: String,
    pub(crate) media_type: String,
    /// Who pushed, as far as that is known.
    pub(crate) caller: String,
    /// RFC 3339.
    pub(crate) pushed_at: String,
}

/// The answer to one who follows.
#[derive(Debug, Serialize)]
pub(crate) struct Followed {
    /// Which run of the server the numbers belong to.
    stream: String,
    /// After what to ask next.
    next: u64,
    /// Whether there was something between that is not kept any more.
    missed: bool,
    events: Vec<Event>,
}

pub(crate) struct Events {
    stream: String,
    state: Mutex<State>,
    newest: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    last: u64,
    kept: VecDeque<Event>,
}

impl Events {
    pub(crate) fn new() -> Self {
        Self { stream: random_name(), state: Mutex::default(), newest: watch::Sender::new(0) }
    }

    /// Tells those who follow.
    pub(crate) fn record(&self, mut event: Event) {
        let mut state = self.state();
        state.last += 1;
        event.number = state.last;
        if state.kept.len() == KEPT {
            state.kept.pop_front();
        }
        state.kept.push_back(event);
        self.newest.send_replace(state.last);
    }

    /// What came after a number, of what `visible` lets through; waits until there is something, or for so long.
    /// Without a number, or with one of another run, it begins now.
    pub(crate) async fn after(
        &self,
        stream: Option<&str>,
        after: Option<u64>,
        wait: Duration,
        visible: impl Fn(&Event) -> bool,
    ) -> Followed {
        let is_ours = stream == Some(self.stream.as_str());
        let Some(after) = after.filter(|_| is_ours) else {
            let next = self.state().last;
            return Followed { stream: self.stream.clone(), next, missed: stream.is_some(), events: Vec::new() };
        };
        let end = Instant::now() + wait;
        let mut newest = self.newest.subscribe();
        loop {
            newest.mark_unchanged();
            let followed = self.look(after, &visible);
            if !followed.events.is_empty() || followed.missed {
                return followed;
            }
            // The sender lives as long as this does; what remains is the end of the wait.
            if tokio::time::timeout_at(end, newest.changed()).await.is_err() {
                return followed;
            }
        }
    }

    fn look(&self, after: u64, visible: &impl Fn(&Event) -> bool) -> Followed {
        let state = self.state();
        let first = state.kept.front().map_or(state.last + 1, |event| event.number);
        let newer = state.kept.iter().filter(|event| event.number > after && visible(event));
        Followed {
            stream: self.stream.clone(),
            next: state.last.max(after.min(state.last)),
            missed: after + 1 < first,
            events: newer.cloned().collect(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// 128 bits of the kernel's random numbers, as hex.
pub(crate) fn random_name() -> String {
    let mut bytes = [0_u8; 16];
    // Without random numbers no name is safe: the empty one matches nothing that a request can hold.
    if getrandom::fill(&mut bytes).is_err() {
        return String::new();
    }
    bytes.iter().fold(String::with_capacity(32), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(tag: u64) -> Event {
        Event {
            number: 0,
            repository: "app".into(),
            tag: tag.to_string(),
            digest: String::new(),
            media_type: String::new(),
            caller: String::new(),
            pushed_at: String::new(),
        }
    }

    #[tokio::test]
    async fn who_follows_sees_each_once_and_hears_of_what_is_gone() {
        let events = Events::new();
        let begun = events.after(None, None, Duration::ZERO, |_| true).await;
        assert!(begun.events.is_empty() && !begun.missed && begun.next == 0);
        events.record(event(1));
        events.record(event(2));
        let both = events.after(Some(&begun.stream), Some(0), Duration::ZERO, |_| true).await;
        assert_eq!(both.events.iter().map(|event| event.number).collect::<Vec<_>>(), [1, 2]);
        let none = events.after(Some(&begun.stream), Some(both.next), Duration::ZERO, |_| true).await;
        assert!(none.events.is_empty() && none.next == 2);
        let hidden = events.after(Some(&begun.stream), Some(0), Duration::ZERO, |event| event.tag == "2").await;
        assert_eq!(hidden.events.len(), 1);
        for number in 0..=KEPT as u64 {
            events.record(event(number));
        }
        let late = events.after(Some(&begun.stream), Some(2), Duration::ZERO, |_| true).await;
        assert!(late.missed && late.events.len() == KEPT);
        let other = events.after(Some("another run"), Some(2), Duration::ZERO, |_| true).await;
        assert!(other.missed && other.events.is_empty());
    }

    #[tokio::test]
    async fn who_waits_is_woken() {
        let events = std::sync::Arc::new(Events::new());
        let (stream, following) = (events.stream.clone(), std::sync::Arc::clone(&events));
        let waiting = tokio::spawn(async move {
            following.after(Some(&stream), Some(0), Duration::from_mins(1), |_| true).await.events.len()
        });
        tokio::task::yield_now().await;
        events.record(event(1));
        assert_eq!(waiting.await.unwrap(), 1);
    }
}
