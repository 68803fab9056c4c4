//! What Ctrl-C and the signals that end a program do while a terminal is not as it was, or a key is about to sign.
//!
//! A thread of its own waits for them, from when a terminal is first opened for a person. The first Ctrl-C cancels what
//! waits to be cancelled ([`soften`]); where nothing does, and at the second, the program ends as it would have without
//! all this, after every terminal was put back ([`keep`]).

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, Weak};

use rustix::termios::{OptionalActions, Termios, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};

static STATE: Mutex<State> = Mutex::new(State { cancellable: Vec::new(), kept: Vec::new(), next: 0, farewell: None });
static STARTED: Once = Once::new();

struct State {
    /// Set by the first Ctrl-C.
    cancellable: Vec<Weak<AtomicBool>>,
    /// Terminals to put back.
    kept: Vec<(u64, Arc<File>, Termios)>,
    next: u64,
    /// What else is to be done before the end.
    farewell: Option<Box<dyn Fn() + Send>>,
}

/// A terminal that is not as it was; put back when this is dropped.
pub(crate) struct Kept(u64);

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps what a terminal was like.
pub(crate) fn keep(tty: Arc<File>, before: Termios) -> Kept {
    let mut state = state();
    state.next += 1;
    let number = state.next;
    state.kept.push((number, tty, before));
    Kept(number)
}

impl Drop for Kept {
    fn drop(&mut self) {
        let mut state = state();
        if let Some(place) = state.kept.iter().position(|(number, ..)| *number == self.0) {
            let (_, tty, before) = state.kept.remove(place);
            // Keys that were pressed meanwhile are thrown away: they were for nobody, or are a security key's own typing.
            let _ = tcsetattr(&*tty, OptionalActions::Flush, &before);
        }
    }
}

/// From now until `flag` is gone, Ctrl-C sets it instead of ending the program; a second one still ends it.
pub(crate) fn soften(flag: &Arc<AtomicBool>) {
    watch();
    let mut state = state();
    state.cancellable.retain(|flag| flag.strong_count() > 0);
    let known = state.cancellable.iter().any(|known| known.as_ptr() == Arc::as_ptr(flag));
    if !known {
        state.cancellable.push(Arc::downgrade(flag));
    }
}

/// What is done before a signal ends the program.
pub(crate) fn at_end(farewell: impl Fn() + Send + 'static) {
    watch();
    state().farewell = Some(Box::new(farewell));
}

/// Starts to wait for signals, once.
pub(crate) fn watch() {
    STARTED.call_once(|| {
        // Where no thread or runtime can be had, signals do what they do anyway.
        let _ = std::thread::Builder::new().name("signals".into()).spawn(|| {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            runtime.block_on(wait());
        });
    });
}

async fn wait() {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = kinds.map(signal) else { return };
    loop {
        tokio::select! {
            _ = interrupt.recv() => interrupted(),
            _ = terminate.recv() => end(143),
            _ = hangup.recv() => end(129),
        }
    }
}

fn interrupted() {
    let flags: Vec<_> = state().cancellable.iter().filter_map(Weak::upgrade).collect();
    let cancelled = flags.iter().filter(|flag| !flag.swap(true, Ordering::SeqCst)).count();
    if cancelled == 0 {
        end(130);
    }
}

fn end(code: i32) {
    let mut state = state();
    for (_, tty, before) in state.kept.drain(..) {
        let _ = tcsetattr(&*tty, OptionalActions::Now, &before);
    }
    if let Some(farewell) = state.farewell.take() {
        drop(state);
        farewell();
    }
    std::process::exit(code);
}
