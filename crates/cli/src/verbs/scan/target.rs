//! One target, scanned: what is known already, what has to be read, what has to be fetched to judge it.

use anyhow::{Context as _, Result};
use findings::Report;
use inventory::worker::Launcher;
use scan::{Advisories, Options, Scanner};
use store::Store;

use super::{advisories, progress};
use crate::house::House;
use crate::source::Wanted;

/// A scanner, and how it is to be used.
pub(crate) struct Scanning<'a> {
    scanner: Scanner,
    house: &'a House,
    offline: bool,
    options: Options,
}

impl<'a> Scanning<'a> {
    /// Opens the data folder's store and index.
    pub(crate) async fn open(house: &'a House, offline: bool, options: Options) -> Result<Self> {
        let store = Store::open(&house.folder, None).await?;
        let launcher = Launcher::this_program().context("cannot find this program to start the worker that parses")?;
        let scanner = Scanner::new(store, Advisories::in_folder(&house.folder), launcher);
        if offline {
            // Said before a large image is read for nothing.
            advisory::Index::require(scanner.advisories().path())?;
        }
        Ok(Self { scanner, house, offline, options })
    }

    /// The index in force, where there is one.
    pub(crate) fn index(&self) -> Result<Option<advisory::Index>> {
        Ok(self.scanner.advisories().current()?)
    }

    /// The report of a target.
    pub(crate) async fn report(&self, wanted: Wanted) -> Result<Report> {
        let spool = self.house.folder.clone();
        let opened = tokio::task::spawn_blocking(move || wanted.open(&spool)).await;
        let source = opened.context("opening the image was stopped")??;
        if self.options.wants_kept()
            && let Some(report) = self.scanner.kept(source.image()).await?
            && (self.offline || advisories::missing(&self.scanner, &report.inventory)?.is_empty())
        {
            return Ok(report);
        }
        let progress = progress::of_layers(source.image());
        let (inventory, read) = self.scanner.inventory_of(&source, &self.options, &progress).await?;
        drop(progress);
        if !self.offline {
            advisories::bring(&self.scanner, &inventory, self.house.settings.advisories_from.clone()).await?;
        }
        Ok(self.scanner.report(source.image(), inventory, read).await?)
    }
}
