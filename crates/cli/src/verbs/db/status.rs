//! `plimsoll db status`: what is loaded.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use advisory::Index;
use advisory::index::{Failure, SegmentInfo, failures};
use advisory::sources::Skipped;
use anyhow::Result;
use serde::Serialize;
use time::OffsetDateTime;

use super::{Format, age, number};
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
    failures: Vec<Failure>,
}

#[derive(Serialize)]
struct Segment<'a> {
    name: &'a str,
    origin: &'a str,
    fetched_ecosystem: Option<&'a str>,
    changes_of: Option<&'a str>,
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
    kev: u64,
    kev_released: Option<&'a str>,
    epss: u64,
    epss_scored: Option<&'a str>,
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
        Format::Json => format!("{}\n", findings::escape::json(serde_json::to_string_pretty(&status)?)),
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
            failures: failures(path),
        })
    }

    fn text(&self, now: OffsetDateTime) -> String {
        let mut text = format!("{}, {:.1} MB\n", plain(&self.path), self.bytes as f64 / 1e6);
        let _ = writeln!(text, "{}", self.id);
        for segment in &self.segments {
            segment.write(&mut text, now);
        }
        if !self.failures.is_empty() {
            text.push_str("\ncould not be fetched, and is as it was\n");
        }
        for failure in &self.failures {
            let ago = age(&failure.at, now);
            let _ = writeln!(text, "  {}, {} ({ago}): {}", plain(&failure.source), failure.at, plain(&failure.reason));
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
            changes_of: info.changes_of.as_deref(),
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
            kev: counts.kev,
            kev_released: counts.kev_released.as_deref(),
            epss: counts.epss,
            epss_scored: counts.epss_scored.as_deref(),
            ecosystems: ecosystems.map(|(name, records)| Ecosystem { name, records }).collect(),
        })
    }

    fn write(&self, text: &mut String, now: OffsetDateTime) {
        let _ = writeln!(text, "\n{}", plain(self.name));
        let _ = writeln!(text, "  from        {}", plain(self.origin));
        let is_fetched = self.fetched_ecosystem.is_some() || self.changes_of.is_some();
        let verb = if is_fetched { "fetched" } else { "imported" };
        let _ = writeln!(text, "  {verb:<11} {}, {}", self.fetched_at, age(self.fetched_at, now));
        for (count, what, day) in [
            (self.kev, "exploited vulnerabilities of CISA's catalog", self.kev_released),
            (self.epss, "scores of FIRST's exploit prediction", self.epss_scored),
        ] {
            if count > 0 {
                let day = day.and_then(|day| day.get(..10)).map(|day| format!(" of {}", plain(day)));
                let _ = writeln!(text, "  {count:<11} {what}{}", day.unwrap_or_default());
            }
        }
        if self.records == 0 && self.withdrawn == 0 && self.kev + self.epss > 0 {
            self.write_skipped(text);
            return;
        }
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
        ] {
            if count > 0 {
                let _ = writeln!(text, "  {count:<11} {what}");
            }
        }
        self.write_skipped(text);
    }

    fn write_skipped(&self, text: &mut String) {
        if self.skipped > 0 {
            let _ = writeln!(text, "  {:<11} could not be read", self.skipped);
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
