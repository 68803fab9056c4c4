//! `plimsoll scan`: what is vulnerable in an image.

mod advisories;
pub(crate) mod destination;
pub(crate) mod formats;
pub(crate) mod progress;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use findings::Report;
use findings::render::Bill;
use image::Platform;
use inventory::worker::Launcher;
use scan::{Advisories, Options, Scanner};
use store::Store;

use self::destination::Destination;
use super::{Command, Start};
use crate::exit;
use crate::house::{House, Needs};
use crate::output::Style;
use crate::source::Wanted;

/// Arguments of `plimsoll scan`.
#[derive(Debug, clap::Args)]
#[command(after_help = "TARGET is one of\n  \
    NAME                        an image; of the local engine where it has it, else of its registry\n  \
    docker:NAME                 an image of the local engine\n  \
    registry:NAME               an image of a registry\n  \
    oci:DIR[:TAG]               an OCI image layout\n  \
    docker-archive:FILE[:NAME]  what docker save wrote; - is standard input\n\n\
    Exit codes: 0 scanned, 1 something at or above --fail-on was found, 2 could not scan.")]
pub(crate) struct Arguments {
    /// The image: a name, or PREFIX:PLACE as listed below
    target: String,
    /// The platform to scan, of an image that is for several: OS/ARCHITECTURE[/VARIANT]
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<Platform>,
    /// How to write what was found
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Format,
    /// Write to a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<std::path::PathBuf>,
    /// Exit with 1 when a finding is at least so severe
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<Threshold>,
    /// Ask nobody for advisories; answer from the index as it is
    #[arg(long)]
    offline: bool,
    /// Read all layers again, whatever is known of them
    #[arg(long)]
    rehash: bool,
    /// Seek over what no cataloguer wants of layers that lie uncompressed in a file, and compute no digest of them:
    /// faster, but nothing then says that the layers are the image's
    #[arg(long, conflicts_with = "rehash")]
    unverified: bool,
}

/// How findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// For programs: docs/scanning.md describes it.
    Json,
    /// SARIF 2.1.0, for GitHub's code scanning and its kin.
    Sarif,
    /// CycloneDX 1.6: packages, and findings as vulnerabilities.
    Cyclonedx,
    /// SPDX 2.3: packages, and findings as external references.
    Spdx,
}

/// The severity from which on a scan fails.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Threshold {
    Negligible,
    Low,
    Medium,
    High,
    Critical,
}

impl From<Threshold> for advisory::Severity {
    fn from(threshold: Threshold) -> Self {
        match threshold {
            Threshold::Negligible => Self::Negligible,
            Threshold::Low => Self::Low,
            Threshold::Medium => Self::Medium,
            Threshold::High => Self::High,
            Threshold::Critical => Self::Critical,
        }
    }
}

/// What the first half hands to the second.
pub(crate) struct Prepared {
    wanted: Wanted,
    destination: Destination,
    format: Format,
    fail_on: Option<advisory::Severity>,
    offline: bool,
    options: Options,
}

impl Command for Arguments {
    type Prepared = Prepared;
    const NEEDS: Needs = Needs::Folder;

    fn prepare(self, start: &Start) -> Result<Prepared> {
        Ok(Prepared {
            wanted: Wanted::prepare(&self.target, self.platform)?,
            destination: Destination::open(self.output)?,
            format: self.format,
            fail_on: self.fail_on.map(Into::into),
            offline: self.offline || start.settings.offline,
            options: Options { rehash: self.rehash, unverified: self.unverified },
        })
    }

    fn execute(mut prepared: Prepared, house: House) -> Result<ExitCode> {
        let fail_on = prepared.fail_on;
        let format = prepared.format;
        let mut destination = std::mem::take(&mut prepared.destination);
        let report = super::runtime()?.block_on(scan(prepared, &house))?;
        destination.write(&render(&report, format, destination.style())?)?;
        let failed = fail_on.is_some_and(|severity| report.at_least(severity).next().is_some());
        Ok(if failed { ExitCode::from(exit::REFUSED) } else { ExitCode::SUCCESS })
    }
}

async fn scan(prepared: Prepared, house: &House) -> Result<Report> {
    let store = Store::open(&house.folder, None).await?;
    let launcher = Launcher::this_program().context("cannot find this program to start the worker that parses")?;
    let scanner = Scanner::new(store, Advisories::in_folder(&house.folder), launcher);
    if prepared.offline {
        // Said before a large image is read for nothing.
        advisory::Index::require(scanner.advisories().path())?;
    }
    let (wanted, spool) = (prepared.wanted, house.folder.clone());
    let opened = tokio::task::spawn_blocking(move || wanted.open(&spool)).await;
    let source = opened.context("opening the image was stopped")??;
    if !prepared.options.rehash
        && let Some(report) = scanner.kept(source.image()).await?
        && (prepared.offline || advisories::missing(&scanner, &report.inventory)?.is_empty())
    {
        return Ok(report);
    }
    let progress = progress::of_layers(source.image());
    let (inventory, read) = scanner.inventory_of(&source, &prepared.options, &progress).await?;
    drop(progress);
    let source_of_advisories = house.settings.advisories_from.clone();
    if !prepared.offline {
        advisories::bring(&scanner, &inventory, source_of_advisories).await?;
    }
    let report = scanner.report(source.image(), inventory, read).await?;
    Ok(report)
}

fn render(report: &Report, format: Format, style: Style) -> Result<Vec<u8>> {
    Ok(match format {
        Format::Table => findings::render::table(report, style.width, style.colour).into_bytes(),
        Format::Json => findings::render::json(report).context("cannot write the report as JSON")?,
        Format::Sarif => formats::sarif(report, false)?,
        Format::Cyclonedx => formats::cyclonedx(&Bill::of_report(report, false))?,
        Format::Spdx => formats::spdx(&Bill::of_report(report, false))?,
    })
}
