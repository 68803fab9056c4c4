//! `plimsoll db sources`: what can be fetched, and what of it is loaded.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use advisory::Index;
use advisory::index::{Failure, failures};
use advisory::sources::table::{SOURCES, Source};
use anyhow::Result;
use serde::Serialize;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::{Format, age};
use crate::output::{self, plain};

/// Arguments of `plimsoll db sources`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// What `--format json` writes.
#[derive(Serialize)]
struct Listing {
    schema_version: &'static str,
    sources: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    name: &'static str,
    address: String,
    format: &'static str,
    licence: &'static str,
    attribution: &'static str,
    refresh_hours: u32,
    covers: &'static str,
    loaded: Option<Loaded>,
    failure: Option<Failure>,
}

/// What is loaded of a source.
#[derive(Serialize)]
struct Loaded {
    segment: String,
    origin: String,
    fetched_at: String,
    /// Whether its publisher will have renewed it since.
    due: bool,
}

pub(super) fn perform(arguments: &Arguments, path: &Path) -> Result<ExitCode> {
    let now = OffsetDateTime::now_utc();
    let index = Index::open(path)?;
    let failed = failures(path);
    let sources = SOURCES.iter().map(|source| Line::of(source, index.as_ref(), &failed, now)).collect();
    let listing = Listing { schema_version: "1.0", sources };
    let text = match arguments.format {
        Format::Text => listing.text(now),
        Format::Json => format!("{}\n", findings::escape::json(serde_json::to_string_pretty(&listing)?)),
    };
    output::write(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

impl Line {
    fn of(source: &Source, index: Option<&Index>, failed: &[Failure], now: OffsetDateTime) -> Self {
        let segment =
            index.and_then(|index| index.segments().find(|segment| segment.ecosystem.as_deref() == Some(source.name)));
        let loaded = segment.map(|segment| {
            let fetched = OffsetDateTime::parse(&segment.fetched_at, &Rfc3339);
            Loaded {
                segment: segment.name.clone(),
                origin: segment.origin.clone(),
                fetched_at: segment.fetched_at.clone(),
                due: fetched.map_or(true, |then| now - then > Duration::hours(source.refresh_hours.into())),
            }
        });
        Self {
            name: source.name,
            address: source.address(),
            format: source.format.name(),
            licence: source.licence,
            attribution: source.attribution,
            refresh_hours: source.refresh_hours,
            covers: source.covers,
            loaded,
            failure: failed.iter().find(|failure| failure.source == source.name).cloned(),
        }
    }
}

impl Listing {
    fn text(&self, now: OffsetDateTime) -> String {
        let width = self.sources.iter().map(|line| line.name.len()).max().unwrap_or_default();
        let mut text = String::new();
        for line in &self.sources {
            let loaded = match &line.loaded {
                Some(loaded) => format!("fetched {}", age(&loaded.fetched_at, now)),
                None => "not loaded".into(),
            };
            let _ = writeln!(text, "{:width$}  {loaded:20} {}", line.name, line.covers);
            let _ = writeln!(text, "{:width$}  {} ({}); {}", "", line.attribution, line.licence, line.address);
            if let Some(failure) = &line.failure {
                let _ = writeln!(text, "{:width$}  failed {}: {}", "", failure.at, plain(&failure.reason));
            }
        }
        text
    }
}
