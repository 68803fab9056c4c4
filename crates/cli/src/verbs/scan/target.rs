//! One target, scanned: what is known already, what has to be read, what has to be fetched to judge it.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use findings::{About, Report};
use image::ImageSource;
use inventory::Inventory;
use inventory::worker::Launcher;
use scan::{Advisories, Options, Scanner, about};
use store::Store;
use tokio::sync::OnceCell;

use super::{advisories, progress};
use crate::house::House;
use crate::source::{Opened, Wanted};

/// What scans, and how it is to be used. The store is opened for the first image: a list of packages needs none, and is
/// judged before a store would be open.
pub(crate) struct Scanning<'a> {
    advisories: Advisories,
    scanner: OnceCell<Scanner>,
    house: &'a House,
    offline: bool,
    options: Options,
}

impl<'a> Scanning<'a> {
    /// Of the data folder's index, and its store where it is needed.
    pub(crate) fn open(house: &'a House, offline: bool, options: Options) -> Result<Self> {
        let advisories = Advisories::in_folder(&house.folder);
        if offline {
            // Said before a large image is read for nothing.
            advisory::Index::require(advisories.path())?;
        }
        Ok(Self { advisories, scanner: OnceCell::new(), house, offline, options })
    }

    /// The same for who asks what is there and not what is wrong with it.
    pub(crate) fn without_advisories(house: &'a House, options: Options) -> Self {
        let advisories = Advisories::in_folder(&house.folder);
        Self { advisories, scanner: OnceCell::new(), house, offline: true, options }
    }

    /// The index in force, where there is one.
    pub(crate) fn index(&self) -> Result<Option<advisory::Index>> {
        Ok(self.advisories.current()?)
    }

    /// The report of a target.
    pub(crate) async fn report(&self, wanted: Wanted) -> Result<Report> {
        match self.opened(wanted).await? {
            Opened::Image(source) => self.report_of_image(&source).await,
            other => {
                let (about, inventory) = self.found(other).await?;
                self.bring(&inventory).await?;
                Ok(Report::new(about, inventory, self.index()?.as_ref())?)
            }
        }
    }

    /// What is in a target, without a question what is wrong with it.
    pub(crate) async fn inventory(&self, wanted: Wanted) -> Result<(About, Inventory)> {
        let opened = self.opened(wanted).await?;
        self.found(opened).await
    }

    async fn opened(&self, wanted: Wanted) -> Result<Opened> {
        if !wanted.is_image() {
            // Nothing else goes on that would have to wait.
            return wanted.open(&self.house.folder);
        }
        let spool = self.house.folder.clone();
        let opened = tokio::task::spawn_blocking(move || wanted.open(&spool)).await;
        opened.context("opening the image was stopped")?
    }

    async fn found(&self, opened: Opened) -> Result<(About, Inventory)> {
        Ok(match opened {
            Opened::Image(source) => {
                let (inventory, read) = self.inventory_of_image(&source).await?;
                (about::of_image(source.image(), read), inventory)
            }
            Opened::Folder(folder, name) => {
                let inventory = of_folder(folder, &name).await?;
                (about::of_folder(name, &inventory), self.as_told(inventory))
            }
            Opened::PackageList(list, name) => {
                let about = about::of_list(name, &list);
                (about, self.as_told(list.inventory))
            }
        })
    }

    /// As of the release that the caller names, where they name one.
    fn as_told(&self, inventory: Inventory) -> Inventory {
        match &self.options.distro {
            Some(release) => inventory.as_of(release.clone()),
            None => inventory,
        }
    }

    async fn report_of_image(&self, source: &Arc<dyn ImageSource>) -> Result<Report> {
        let scanner = self.scanner().await?;
        if self.options.wants_kept()
            && let Some(report) = scanner.kept(source.image()).await?
            && (self.offline || advisories::missing(&self.advisories, &report.inventory)?.is_empty())
        {
            return Ok(report);
        }
        let (inventory, read) = self.inventory_of_image(source).await?;
        self.bring(&inventory).await?;
        Ok(scanner.report(source.image(), inventory, read).await?)
    }

    async fn inventory_of_image(&self, source: &Arc<dyn ImageSource>) -> Result<(Inventory, usize)> {
        let progress = progress::of_layers(source.image());
        Ok(self.scanner().await?.inventory_of(source, &self.options, &progress).await?)
    }

    async fn bring(&self, inventory: &Inventory) -> Result<()> {
        if self.offline {
            return Ok(());
        }
        advisories::bring(&self.advisories, inventory, self.house.settings.advisories_from.clone()).await
    }

    async fn scanner(&self) -> Result<&Scanner> {
        let open = || async {
            let store = Store::open(&self.house.folder, None).await?;
            anyhow::Ok(Scanner::new(store, self.advisories.clone(), launcher()?))
        };
        self.scanner.get_or_try_init(open).await
    }
}

fn launcher() -> Result<Launcher> {
    Launcher::this_program().context("cannot find this program to start the worker that parses")
}

async fn of_folder(folder: OwnedFd, name: &str) -> Result<Inventory> {
    let launcher = launcher()?;
    let walk = move || inventory::layer::catalogue_folder(&folder, &inventory::layer::Limits::default(), &launcher);
    let record = tokio::task::spawn_blocking(walk).await.context("reading the folder was stopped")?;
    let record = record.with_context(|| format!("cannot read {name}"))?;
    if !record.complete {
        // What a worker did not live to tell is unknown, and a report without it would look like one with it.
        let lost = record.warnings.iter().map(|warning| crate::output::plain(warning)).collect::<Vec<_>>().join("; ");
        anyhow::bail!("a part of {name} could not be read ({lost}); scan it again, and if it stays so tell us");
    }
    let mut inventory = inventory::merge(&[record]);
    for warning in &mut inventory.warnings {
        // There is only one, and nobody made it.
        if let Some(rest) = warning.strip_prefix("layer 0: ") {
            *warning = rest.to_owned();
        }
    }
    Ok(inventory)
}
