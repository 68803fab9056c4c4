//! Advisories for the first scan: only the ecosystems that the image has software of, and only those not there yet.

use std::io::IsTerminal as _;
use std::sync::Mutex;

use advisory::ecosystem::ecosystems_needed;
use advisory::sources::fetch;
use anyhow::{Context as _, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use inventory::Inventory;
use scan::Scanner;

/// Fetches what is missing, unless told to ask nobody. What could not be fetched is said and counts as not covered;
/// without any index there is nothing to answer from.
pub(crate) async fn bring(scanner: &Scanner, inventory: &Inventory, offline: bool, from: Option<String>) -> Result<()> {
    let path = scanner.advisories().path().to_owned();
    if offline {
        advisory::Index::require(&path)?;
        return Ok(());
    }
    let missing = missing(scanner, inventory)?;
    if !missing.is_empty() {
        let mut options = fetch::Options { only_missing: true, ..fetch::Options::default() };
        options.base = from.unwrap_or(options.base);
        let target = path.clone();
        let fetched = tokio::task::spawn_blocking(move || fetch::update(&target, &missing, &options, &Bar::default()));
        let update = fetched.await.context("fetching advisories was stopped")??;
        for (ecosystem, outcome) in &update.outcomes {
            if let Err(error) = outcome {
                eprintln!("plimsoll: no advisories for {ecosystem}: {}", crate::output::plain(&error.to_string()));
            }
        }
        if update.index.is_none() {
            bail!(
                "there are no advisories to judge by; fetch them with `plimsoll db update`, or without network with \
                 `plimsoll db import PATH`"
            );
        }
    } else if scanner.advisories().current()?.is_none() {
        // An image in which no package was found needs none.
        tracing::info!("nothing in the image needs advisories");
    }
    Ok(())
}

/// The ecosystems that no segment of the index covers yet.
fn missing(scanner: &Scanner, inventory: &Inventory) -> Result<Vec<String>> {
    let mut needed = ecosystems_needed(inventory);
    if let Some(index) = scanner.advisories().current()? {
        let mut missing = Vec::new();
        for ecosystem in needed {
            if !index.covers(&ecosystem)? {
                missing.push(ecosystem);
            }
        }
        needed = missing;
    }
    Ok(needed)
}

/// One line for the ecosystem that is being fetched, on a terminal and only there.
#[derive(Default)]
pub(crate) struct Bar(Mutex<Option<ProgressBar>>);

impl Bar {
    fn with(&self, act: impl FnOnce(&mut Option<ProgressBar>)) {
        act(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

impl fetch::Progress for Bar {
    fn waiting(&self, lock: &std::path::Path) {
        eprintln!("plimsoll: waiting for another process that changes the advisories ({})", lock.display());
    }

    fn started(&self, ecosystem: &str, bytes: Option<u64>) {
        if !std::io::stderr().is_terminal() {
            return;
        }
        let bar = bytes.map_or_else(ProgressBar::no_length, ProgressBar::new);
        if let Ok(style) = ProgressStyle::with_template("advisories: {prefix} {bar:24} {bytes:>10} {msg}") {
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

    fn finished(&self, _ecosystem: &str, _outcome: &Result<fetch::Outcome, fetch::FetchError>) {
        self.with(|bar| bar.take().iter().for_each(ProgressBar::finish_and_clear));
    }
}
