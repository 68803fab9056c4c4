//! `plimsoll db`: advisories.

mod import;
pub(crate) mod progress;
mod status;
mod update;

use std::process::ExitCode;

use advisory::Index;
use anyhow::Result;
use clap::Subcommand;
use store::DataFolder;

use super::{Command, Start};
use crate::house::{House, Needs};

/// Arguments of `plimsoll db`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

/// What to do with the advisories.
#[derive(Debug, Subcommand)]
enum Action {
    /// Fetch advisories of ecosystems, where they changed
    Update(update::Arguments),
    /// Take advisories from files or folders on disk
    Import(import::Arguments),
    /// Tell what is loaded, how old it is, and what could not be read
    Status(status::Arguments),
}

/// What the first half hands to the second.
#[derive(Debug)]
pub(crate) enum Prepared {
    Update(update::Arguments),
    Import(import::Opened),
    Status(status::Arguments),
}

impl Command for Arguments {
    type Prepared = Prepared;
    const NEEDS: Needs = Needs::Folder;

    fn prepare(self, _start: &Start) -> Result<Prepared> {
        Ok(match self.action {
            Action::Update(arguments) => Prepared::Update(arguments),
            Action::Import(arguments) => Prepared::Import(arguments.open()?),
            Action::Status(arguments) => Prepared::Status(arguments),
        })
    }

    fn execute(prepared: Prepared, house: House) -> Result<ExitCode> {
        let path = house.folder.join(Index::FILE);
        if !matches!(prepared, Prepared::Status(_)) {
            // Marks a new folder as ours before anything lies in it, and refuses somebody else's.
            DataFolder::open(&house.folder)?;
        }
        match prepared {
            Prepared::Update(arguments) => update::perform(arguments, &path, &house),
            Prepared::Import(opened) => import::perform(opened, &path),
            Prepared::Status(arguments) => status::perform(&arguments, &path),
        }
    }
}

/// `1 record`, `2 records`.
fn number(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
