//! `plimsoll db update`: fetch advisories.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use advisory::Index;
use advisory::ecosystem::ecosystems_needed;
use advisory::sources::fetch::{self, Options, Outcome};
use advisory::sources::table::SOURCES;
use anyhow::{Result, bail};
use findings::Report;
use store::Store;

use super::number;
use super::progress::Bar;
use crate::exit;
use crate::house::House;
use crate::output::{self, plain};

/// Arguments of `plimsoll db update`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// OSV's names: Debian, Ubuntu, Alpine, PyPI, npm, Go, crates.io, …; `kev` for what is exploited, `epss` for what is
    /// likely to be; `plimsoll db sources` lists them
    /// [default: those fetched before, those that the images scanned so far need, and from osv.dev kev and epss]
    #[arg(value_name = "SOURCE")]
    ecosystems: Vec<String>,
    /// Fetch ADDRESS/ECOSYSTEM/all.zip: https://…, http://… or file://…
    /// [default: advisories-from of the configuration file, else osv.dev's own]
    #[arg(long, value_name = "ADDRESS")]
    from: Option<String>,
}

/// So many images are asked for the ecosystems that they need; beyond that nothing new would be learned.
const MOST_IMAGES: u32 = 1000;

pub(super) fn perform(arguments: Arguments, path: &Path, house: &House) -> Result<ExitCode> {
    let mut options = Options::default();
    if let Some(base) = arguments.from.as_ref().or(house.settings.advisories_from.as_ref()) {
        base.trim_end_matches('/').clone_into(&mut options.base);
    }
    let is_named = !arguments.ecosystems.is_empty();
    let mut ecosystems = if is_named { distinct(arguments.ecosystems) } else { wanted(path, &house.folder)? };
    if ecosystems.is_empty() {
        bail!(
            "nothing was fetched before and no image was scanned yet; name ecosystems: plimsoll db update Debian PyPI"
        )
    }
    // A mirror may not have what enriches; where it was fetched before it is fetched again.
    if !is_named && options.base == fetch::OSV_BUCKET {
        let enriching = SOURCES.iter().filter(|source| source.enriches()).map(|source| source.name.to_owned());
        ecosystems.extend(enriching);
        ecosystems = distinct(ecosystems);
    }
    let update = fetch::update(path, &ecosystems, &options, &Bar::default())?;
    let mut failed = 0;
    for (ecosystem, outcome) in update.outcomes {
        let ecosystem = plain(&ecosystem);
        match outcome {
            Ok(Outcome::Fetched(records)) => {
                let noun = match ecosystem.as_str() {
                    "kev" => "exploited CVE",
                    "epss" => "score",
                    _ => "record",
                };
                output::write(format!("{ecosystem}: {}\n", number(records, noun)).as_bytes())?;
            }
            Ok(Outcome::Changed(records)) => {
                output::write(format!("{ecosystem}: {} changed\n", number(records, "record")).as_bytes())?;
            }
            Ok(Outcome::Unchanged | Outcome::Present) => output::write(format!("{ecosystem}: unchanged\n").as_bytes())?,
            Err(error) => {
                failed += 1;
                eprintln!("plimsoll: {ecosystem}: {}", plain(&exit::sentence(&error.into())));
            }
        }
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) })
}

fn distinct(names: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.into_iter().filter(|name| seen.insert(name.clone())).collect()
}

/// What was fetched before, and what the images that were scanned need.
fn wanted(path: &Path, folder: &Path) -> Result<Vec<String>> {
    let mut wanted = BTreeSet::new();
    if let Some(index) = Index::open(path)? {
        wanted.extend(index.segments().filter_map(|segment| segment.ecosystem.clone()));
    }
    wanted.extend(super::super::runtime()?.block_on(needed_by_images(folder))?);
    Ok(wanted.into_iter().collect())
}

async fn needed_by_images(folder: &Path) -> Result<BTreeSet<String>> {
    let store = Store::open(folder, None).await?;
    let mut needed = BTreeSet::new();
    // No index has an empty id, so that this names every image with a report.
    for image in store.stale_reports("", MOST_IMAGES).await? {
        let Some(row) = store.report(&image).await? else { continue };
        // A report that an older version kept and this one cannot read is made anew at the image's next scan.
        if let Ok(report) = Report::from_bytes(&row.report) {
            needed.extend(ecosystems_needed(&report.inventory));
        }
    }
    store.close().await;
    Ok(needed)
}
