//! `plimsoll db`: advisories.

mod import;
pub(crate) mod progress;
mod sources;
mod status;
mod update;

use std::process::ExitCode;

use advisory::Index;
use anyhow::Result;
use clap::Subcommand;
use store::DataFolder;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

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
    /// List what can be fetched: address, licence, what it covers, and how old what is loaded of it is
    Sources(sources::Arguments),
}

/// What the first half hands to the second.
#[derive(Debug)]
pub(crate) enum Prepared {
    Update(update::Arguments),
    Import(import::Opened),
    Status(status::Arguments),
    Sources(sources::Arguments),
}

impl Command for Arguments {
    type Prepared = Prepared;
    const NEEDS: Needs = Needs::Folder;

    fn prepare(self, _start: &Start) -> Result<Prepared> {
        Ok(match self.action {
            Action::Update(arguments) => Prepared::Update(arguments),
            Action::Import(arguments) => Prepared::Import(arguments.open()?),
            Action::Status(arguments) => Prepared::Status(arguments),
            Action::Sources(arguments) => Prepared::Sources(arguments),
        })
    }

    fn execute(prepared: Prepared, house: House) -> Result<ExitCode> {
        let path = house.folder.join(Index::FILE);
        if !matches!(prepared, Prepared::Status(_) | Prepared::Sources(_)) {
            // Marks a new folder as ours before anything lies in it, and refuses somebody else's.
            DataFolder::open(&house.folder)?;
        }
        match prepared {
            Prepared::Update(arguments) => update::perform(arguments, &path, &house),
            Prepared::Import(opened) => import::perform(opened, &path),
            Prepared::Status(arguments) => status::perform(&arguments, &path),
            Prepared::Sources(arguments) => sources::perform(&arguments, &path),
        }
    }
}

/// How to write what is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// How old something is, in days (`today`, `3 days ago`); empty where that cannot be told.
fn age(then: &str, now: OffsetDateTime) -> String {
    match OffsetDateTime::parse(then, &Rfc3339).map(|then| (now - then).whole_days()) {
        Ok(..=0) => "today".into(),
        Ok(1) => "yesterday".into(),
        Ok(days) => format!("{days} days ago"),
        Err(_) => String::new(),
    }
}

/// `1 record`, `2 records`.
fn number(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
