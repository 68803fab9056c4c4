//! `plimsoll db status`: what is loaded.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use advisory::Index;
use advisory::index::SegmentInfo;
use advisory::sources::Skipped;
use anyhow::Result;
use clap::ValueEnum;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::number;
use crate::output::{self, plain};

/// Arguments of `plimsoll db status`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How to write it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Check every byte of the index against its checksum
    #[arg(long)]
    check: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// So many ecosystems or skipped records are named in the text.
const NAMED: usize = 8;

/// What `--format json` writes.
#[derive(Serialize)]
struct Status<'a> {
    schema_version: &'static str,
    path: String,
    bytes: u64,
    id: String,
    oldest: Option<String>,
    segments: Vec<Segment<'a>>,
}

#[derive(Serialize)]
struct Segment<'a> {
    name: &'a str,
    origin: &'a str,
    fetched_ecosystem: Option<&'a str>,
    fetched_at: &'a str,
    newest_record: Option<&'a str>,
    records: u64,
    packages: u64,
    withdrawn: u64,
    duplicates: u64,
    commits_only: u64,
    without_package: u64,
    skipped: u64,
    skipped_examples: &'a [Skipped],
    ecosystems: Vec<Ecosystem>,
}

#[derive(Serialize)]
struct Ecosystem {
    name: String,
    records: u32,
}

pub(super) fn perform(arguments: &Arguments, path: &Path) -> Result<ExitCode> {
    let index = Index::require(path)?;
    if arguments.check {
        index.check()?;
    }
    let status = Status::of(&index, path)?;
    let text = match arguments.format {
        Format::Text => status.text(OffsetDateTime::now_utc()),
        Format::Json => format!("{}\n", findings::escape::json(&serde_json::to_string_pretty(&status)?)),
    };
    output::write(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

impl<'a> Status<'a> {
    fn of(index: &'a Index, path: &Path) -> Result<Self> {
        let identity = index.identity();
        let segments = index.segments().map(|info| Segment::of(info, index)).collect::<Result<_>>()?;
        Ok(Self {
            schema_version: "1.0",
            path: path.display().to_string(),
            bytes: std::fs::metadata(path).map(|about| about.len()).unwrap_or_default(),
            id: identity.id,
            oldest: Some(identity.built_at).filter(|time| !time.is_empty()),
            segments,
        })
    }

    fn text(&self, now: OffsetDateTime) -> String {
        let mut text = format!("{}, {:.1} MB\n", plain(&self.path), self.bytes as f64 / 1e6);
        let _ = writeln!(text, "{}", self.id);
        for segment in &self.segments {
            segment.write(&mut text, now);
        }
        text
    }
}

impl<'a> Segment<'a> {
    fn of(info: &'a SegmentInfo, index: &Index) -> Result<Self> {
        let counts = &info.counts;
        let ecosystems = index.ecosystems(&info.name)?.into_iter();
        Ok(Self {
            name: &info.name,
            origin: &info.origin,
            fetched_ecosystem: info.ecosystem.as_deref(),
            fetched_at: &info.fetched_at,
            newest_record: counts.newest.as_deref(),
            records: counts.records,
            packages: counts.packages,
            withdrawn: counts.withdrawn,
            duplicates: counts.duplicates,
            commits_only: counts.commits_only,
            without_package: counts.without_package,
            skipped: counts.skipped,
            skipped_examples: &counts.skipped_examples,
            ecosystems: ecosystems.map(|(name, records)| Ecosystem { name, records }).collect(),
        })
    }

    fn write(&self, text: &mut String, now: OffsetDateTime) {
        let _ = writeln!(text, "\n{}", plain(self.name));
        let _ = writeln!(text, "  from        {}", plain(self.origin));
        let verb = if self.fetched_ecosystem.is_some() { "fetched" } else { "imported" };
        let _ = writeln!(text, "  {verb:<11} {}{}", self.fetched_at, age(self.fetched_at, now));
        if let Some(newest) = self.newest_record {
            let _ = writeln!(text, "  newest      {}", plain(newest));
        }
        let _ =
            writeln!(text, "  records     {} of {}", number(self.records, "record"), number(self.packages, "package"));
        let names = self.ecosystems.iter().map(|ecosystem| plain(&ecosystem.name));
        let _ = writeln!(text, "  covers      {}", named(names, self.ecosystems.len()));
        for (count, what) in [
            (self.withdrawn, "withdrawn, left out"),
            (self.duplicates, "given twice, left out"),
            (self.commits_only, "name only commits, cannot match"),
            (self.without_package, "affect no package, cannot match"),
            (self.skipped, "could not be read"),
        ] {
            if count > 0 {
                let _ = writeln!(text, "  {count:<11} {what}");
            }
        }
        for skipped in self.skipped_examples.iter().take(NAMED) {
            let _ = writeln!(text, "              {}: {}", plain(&skipped.name), plain(&skipped.reason));
        }
    }
}

fn named(names: impl Iterator<Item = String>, all: usize) -> String {
    let mut text = names.take(NAMED).collect::<Vec<_>>().join(", ");
    match all {
        0 => text.push_str("nothing"),
        all if all > NAMED => {
            let _ = write!(text, " and {} more", all - NAMED);
        }
        _ => {}
    }
    text
}

fn age(fetched_at: &str, now: OffsetDateTime) -> String {
    match OffsetDateTime::parse(fetched_at, &Rfc3339).map(|then| (now - then).whole_days()) {
        Ok(..=0) => ", today".into(),
        Ok(1) => ", yesterday".into(),
        Ok(days) => format!(", {days} days ago"),
        Err(_) => String::new(),
    }
}
