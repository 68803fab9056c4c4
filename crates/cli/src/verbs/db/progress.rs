//! How far fetching is: a line for the ecosystem that is being fetched, on a terminal and only there.

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use advisory::sources::fetch::{FetchError, Outcome, Progress};
use indicatif::{ProgressBar, ProgressStyle};

/// One line on stderr.
#[derive(Debug, Default)]
pub(crate) struct Bar(Mutex<Option<ProgressBar>>);

impl Bar {
    fn with(&self, act: impl FnOnce(&mut Option<ProgressBar>)) {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Progress for Bar {
    fn waiting(&self, lock: &Path) {
        waiting(lock);
    }

    fn started(&self, ecosystem: &str, bytes: Option<u64>) {
        if !std::io::stderr().is_terminal() {
            return;
        }
        let bar = bytes.map_or_else(ProgressBar::no_length, ProgressBar::new);
        if let Ok(style) = ProgressStyle::with_template("{prefix:16} [{bar:32}] {bytes:>10} of {total_bytes} {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(ecosystem.to_owned());
        self.with(|present| *present = Some(bar));
    }

    fn advanced(&self, _ecosystem: &str, bytes: u64) {
        self.with(|bar| bar.iter().for_each(|bar| bar.inc(bytes)));
    }

    fn compiling(&self, _ecosystem: &str) {
        self.with(|bar| bar.iter().for_each(|bar| bar.set_message("compiling")));
    }

    fn finished(&self, _ecosystem: &str, _outcome: &Result<Outcome, FetchError>) {
        self.with(|bar| bar.take().iter().for_each(ProgressBar::finish_and_clear));
    }
}

/// Says whom this process waits for.
pub(super) fn waiting(lock: &Path) {
    eprintln!("plimsoll: waiting for another process that changes the advisories (it holds {})", lock.display());
}
