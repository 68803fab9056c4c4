//! `plimsoll explain`: why a vulnerability is found in an image, or why it is not.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use findings::explain::Explanation;
use findings::render::{View, explain, explain_json};
use image::Platform;
use scan::Options;

use super::scan::{Chosen, Scanning};
use super::{Command, Start};
use crate::house::{House, Needs};
use crate::output::{self, Style};
use crate::source::Wanted;

/// Arguments of `plimsoll explain`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The vulnerability, by any of its ids: CVE-2026-1234, GHSA-…, DSA-5678-1
    id: String,
    /// The image: a name, or PREFIX:PLACE as `plimsoll scan --help` lists them
    target: String,
    /// The platform, of an image that is for several: OS/ARCHITECTURE[/VARIANT]
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<Platform>,
    /// How to write it
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    format: Format,
    /// Findings not to count, as for `plimsoll scan`
    #[arg(long, value_name = "FILE")]
    ignore_file: Option<PathBuf>,
    /// Ask nobody for advisories; answer from the index as it is
    #[arg(long)]
    offline: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs: docs/scanning.md describes it
    Json,
}

/// What the first half hands to the second.
pub(crate) struct Prepared {
    id: String,
    wanted: Wanted,
    format: Format,
    chosen: Chosen,
    offline: bool,
}

/// Longest id that is looked for.
const LONGEST_ID: usize = 200;

impl Command for Arguments {
    type Prepared = Prepared;
    const NEEDS: Needs = Needs::Folder;

    fn prepare(self, start: &Start) -> Result<Prepared> {
        let id = self.id.trim();
        if id.is_empty() || id.len() > LONGEST_ID || id.chars().any(char::is_control) {
            bail!("{:?} is no id of a vulnerability; write one such as CVE-2026-1234", output::plain(id));
        }
        Ok(Prepared {
            id: id.to_owned(),
            wanted: Wanted::prepare(&self.target, self.platform, start)?,
            format: self.format,
            chosen: Chosen::of_ignore_file(self.ignore_file)?,
            offline: self.offline || start.settings.offline,
        })
    }

    fn execute(prepared: Prepared, house: House) -> Result<ExitCode> {
        let Prepared { id, wanted, format, chosen, offline } = prepared;
        let applied = chosen.read()?;
        let text = super::runtime()?.block_on(async {
            let scanning = Scanning::open(&house, offline, Options::default())?;
            let mut report = scanning.report(wanted).await?;
            applied.apply(&mut report, &scanning).await?;
            let index = scanning.index()?;
            let explanation = Explanation::new(&id, &report, index.as_ref())?;
            let style = Style::of_stdout();
            anyhow::Ok(match format {
                Format::Json => explain_json(&explanation).context("cannot write the explanation as JSON")?,
                Format::Text => {
                    let view = View { width: style.width, colour: style.colour, all: true };
                    explain(&explanation, view).into_bytes()
                }
            })
        })?;
        output::write(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}
