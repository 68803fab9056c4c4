//! Work that gives way: on a thread of its own, which gets the processor when nobody who waits for an answer wants it.
//!
//! Who pushes waits for the bytes to be hashed and stored. Inflating and walking the same bytes takes several times as
//! long, and on few cores would take half of their time away from that. A thread of the runtime's cannot be used: it
//! serves others afterwards, and only root may make itself important again.

use std::any::Any;
use std::{io, thread};

use tokio::sync::oneshot;

/// By how much (`nice(2)`): a waiting thread of the ordinary kind gets ten times as much as one of these.
const GIVES_WAY: i32 = 10;

/// Work that is under way.
#[derive(Debug)]
pub(crate) struct Background<T> {
    outcome: oneshot::Receiver<Result<T, String>>,
}

impl<T: Send + 'static> Background<T> {
    /// Starts it. What it starts in turn, threads and worker processes, gives way as well.
    pub(crate) fn start(name: &str, work: impl FnOnce() -> T + Send + 'static) -> io::Result<Self> {
        let (sender, outcome) = oneshot::channel();
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Linux gives each thread a niceness of its own (sched(7)), whatever POSIX says. Where it is refused the work
            // is as important as any other.
            let _ = rustix::process::nice(GIVES_WAY);
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            // Nobody may be left who waits.
            let _ = sender.send(result.map_err(|panic| said(panic.as_ref())));
        })?;
        Ok(Self { outcome })
    }

    /// Waits for its end; the error is what it said when it panicked.
    pub(crate) async fn outcome(self) -> Result<T, String> {
        self.outcome.await.unwrap_or_else(|_| Err("its thread ended".to_owned()))
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it panicked").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn niceness() -> i32 {
        rustix::process::getpriority_process(None).unwrap()
    }

    #[tokio::test]
    async fn the_work_gives_way_and_nothing_else_does() {
        let before = niceness();
        let work = Background::start("test", niceness).unwrap();
        assert_eq!(work.outcome().await.unwrap(), (before + GIVES_WAY).min(19));
        assert_eq!(niceness(), before);
    }

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        let work = Background::start("test", || -> u8 { panic!("no {}", "luck") }).unwrap();
        assert_eq!(work.outcome().await.unwrap_err(), "no luck");
    }
}
