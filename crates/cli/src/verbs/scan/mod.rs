//! `plimsoll scan`: what is vulnerable in an image, a folder or a list of packages.

mod advisories;
mod choice;
pub(crate) mod destination;
pub(crate) mod formats;
pub(crate) mod progress;
mod target;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use findings::Report;
use findings::render::{Bill, View};
use image::Platform;
use scan::Options;

pub(crate) use self::choice::{Choice, Chosen};
use self::destination::Destination;
pub(crate) use self::target::Scanning;
use super::{Command, Start};
use crate::exit;
use crate::house::{House, Needs};
use crate::output::Style;
use crate::source::Wanted;

/// What can be scanned, for `--help`.
pub(crate) const TARGETS: &str = "TARGET is one of\n  \
    NAME                        an image; of the local engine, podman or containerd where one has it, else of its registry\n  \
    docker:NAME                 an image of the local engine\n  \
    podman:NAME                 an image in podman's store, which buildah, skopeo and CRI-O share\n  \
    containerd:NAME[@NAMESPACE] an image in containerd's store, also that of k3s, nerdctl, docker\n  \
    registry:NAME               an image of a registry\n  \
    oci:DIR[:TAG]               an OCI image layout\n  \
    oci-archive:FILE[:TAG]      an OCI image layout in a tar; - is standard input\n  \
    docker-archive:FILE[:NAME]  what docker save wrote; - is standard input\n  \
    dir:DIR                     a folder, as if it were the root of an image\n  \
    sbom:FILE                   a list of packages: CycloneDX, SPDX, Syft's or our JSON, package URLs; - is standard input";

/// Arguments of `plimsoll scan`.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{}\n\n\
    Exit codes: 0 scanned, 1 something at or above --fail-on was found, 2 could not scan.", TARGETS))]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag")]
pub(crate) struct Arguments {
    /// What to scan: an image's name, or PREFIX:PLACE as listed below
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
    /// Which findings are shown and counted
    #[command(flatten)]
    choice: Choice,
    /// A row for each finding, however many, and in every format what is not counted, with the reason
    #[arg(long)]
    all: bool,
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
    /// Judge the image as of this release, whatever it says itself: debian:12, ubuntu:24.04, rhel:9.4, sles:15.5 …
    #[arg(long, value_name = "ID:VERSION")]
    distro: Option<inventory::Release>,
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
    all: bool,
    fail_on: Option<advisory::Severity>,
    choice: Chosen,
    offline: bool,
    options: Options,
}

impl Command for Arguments {
    type Prepared = Prepared;
    const NEEDS: Needs = Needs::Folder;

    fn prepare(self, start: &Start) -> Result<Prepared> {
        Ok(Prepared {
            wanted: Wanted::prepare(&self.target, self.platform.clone(), start)?,
            destination: Destination::open(self.output)?,
            format: self.format,
            all: self.all,
            fail_on: self.fail_on.map(Into::into),
            choice: self.choice.prepare(self.platform, start)?,
            offline: self.offline || start.settings.offline,
            options: Options {
                rehash: self.rehash,
                unverified: self.unverified,
                distro: self.distro,
                linked: matches!(self.format, Format::Cyclonedx | Format::Spdx),
            },
        })
    }

    fn execute(prepared: Prepared, house: House) -> Result<ExitCode> {
        let Prepared { wanted, mut destination, format, all, fail_on, choice, offline, options } = prepared;
        let choice = choice.read()?;
        let report = super::runtime()?.block_on(async {
            let scanning = Scanning::open(&house, offline, options)?;
            let mut report = scanning.report(wanted).await?;
            choice.apply(&mut report, &scanning).await?;
            anyhow::Ok(report)
        })?;
        destination.write(&render(&report, format, all, destination.style())?)?;
        let failed = fail_on.is_some_and(|severity| !report.at_least(severity).is_empty());
        Ok(if failed { ExitCode::from(exit::REFUSED) } else { ExitCode::SUCCESS })
    }
}

fn render(report: &Report, format: Format, all: bool, style: Style) -> Result<Vec<u8>> {
    Ok(match format {
        Format::Table => {
            let view = View { width: style.width, colour: style.colour, all };
            findings::render::table(report, view).into_bytes()
        }
        Format::Json => findings::render::json(report).context("cannot write the report as JSON")?,
        Format::Sarif => formats::sarif(report, all)?,
        Format::Cyclonedx => formats::cyclonedx(&Bill::of_report(report, all))?,
        Format::Spdx => formats::spdx(&Bill::of_report(report, all))?,
    })
}
