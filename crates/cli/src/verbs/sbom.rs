//! `plimsoll sbom`: what is in an image, a folder or a list of packages, without a question what is wrong with it.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use findings::render::{self, Bill};
use image::Platform;
use scan::Options;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::scan::destination::Destination;
use super::scan::{Scanning, TARGETS, formats};
use super::{Command, Start};
use crate::house::{House, Needs};
use crate::source::Wanted;

/// Arguments of `plimsoll sbom`.
#[derive(Debug, clap::Args)]
#[command(after_help = TARGETS)]
pub(crate) struct Arguments {
    /// What to list: an image's name, or PREFIX:PLACE as listed below
    target: String,
    /// The platform to list, of an image that is for several: OS/ARCHITECTURE[/VARIANT]
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<Platform>,
    /// How to write the list
    #[arg(long, value_name = "FORMAT", default_value = "cyclonedx")]
    format: Format,
    /// Write to a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<std::path::PathBuf>,
    /// The distribution that the packages are of, as ID:VERSION, whatever the target says
    #[arg(long, value_name = "ID:VERSION")]
    distro: Option<inventory::Release>,
    /// Read all layers again, whatever is known of them
    #[arg(long)]
    rehash: bool,
}

/// How packages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// CycloneDX 1.6
    Cyclonedx,
    /// SPDX 2.3
    Spdx,
    /// As `plimsoll scan --format json`, without findings
    Json,
}

/// What the first half hands to the second.
pub(crate) struct Prepared {
    wanted: Wanted,
    destination: Destination,
    format: Format,
    options: Options,
}

impl Command for Arguments {
    type Prepared = Prepared;
    const NEEDS: Needs = Needs::Folder;

    fn prepare(self, start: &Start) -> Result<Prepared> {
        Ok(Prepared {
            wanted: Wanted::prepare(&self.target, self.platform, start)?,
            destination: Destination::open(self.output)?,
            format: self.format,
            options: Options { rehash: self.rehash, unverified: false, distro: self.distro, linked: true },
        })
    }

    fn execute(prepared: Prepared, house: House) -> Result<ExitCode> {
        let Prepared { wanted, mut destination, format, options } = prepared;
        let scanning = Scanning::without_advisories(&house, options);
        let (mut about, inventory) = super::runtime()?.block_on(scanning.inventory(wanted))?;
        if let Some(time) = source_date_epoch() {
            about.scanned_at = time;
        }
        let bill = Bill::of_inventory(&about, &inventory);
        for warning in &inventory.warnings {
            eprintln!("plimsoll: not read: {}", crate::output::plain(warning));
        }
        destination.write(&match format {
            Format::Cyclonedx => formats::cyclonedx(&bill)?,
            Format::Spdx => formats::spdx(&bill)?,
            Format::Json => render::packages_json(&bill).context("cannot write the packages as JSON")?,
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The time that a reproducible build says that it is (reproducible-builds.org/specs/source-date-epoch).
fn source_date_epoch() -> Option<String> {
    let seconds = std::env::var("SOURCE_DATE_EPOCH").ok()?.parse().ok()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()?.format(&Rfc3339).ok()
}
