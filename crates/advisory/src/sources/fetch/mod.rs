//! Sources from their addresses or a mirror: fetched only when they changed, and of osv.dev only what changed where that is
//! little.
//!
//! The lock of the index is held from the first question to the commit: of two first scans at once the second waits
//! and then finds what the first one fetched. A source that fails leaves its last good state in the index, and that it
//! failed is remembered.

mod changes;
mod error;
mod transfer;

use std::path::Path;
use std::time::Duration;

use super::import::{self, ImportError, finish};
use super::osv::Input;
use super::table::{Format, Source};
use super::{Limits, SourceError};
use crate::index::{Compiled, Compiler, Failure, Index, IndexError, SegmentInfo, Tell, Writer, remember};
use changes::Changes;
pub use error::FetchError;
use transfer::{Archive, Transfer};

/// Where osv.dev publishes.
pub const OSV_BUCKET: &str = "https://osv-vulnerabilities.storage.googleapis.com";

/// How to fetch.
#[derive(Clone, Debug)]
pub struct Options {
    /// `https://…`, `http://…` or `file://…`, without a slash at its end; below it lie `ECOSYSTEM/all.zip`. A mirror, which
    /// is any but [`OSV_BUCKET`], also has `kev/known_exploited_vulnerabilities.json` and
    /// `epss/epss_scores-current.csv.gz`, which else come from CISA and FIRST.
    pub base: String,
    /// How long nothing may arrive.
    pub stall: Duration,
    /// How much an archive may unpack to.
    pub limits: Limits,
    /// Leave alone what is in the index already, however old.
    pub only_missing: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { base: OSV_BUCKET.into(), stall: Duration::from_mins(1), limits: Limits::default(), only_missing: false }
    }
}

/// Who is told how far it is. All calls come from one thread.
pub trait Progress {
    /// Another process holds the lock, whose file is named; it is waited for.
    fn waiting(&self, _lock: &Path) {}
    /// An ecosystem is being fetched; its size where the server tells it.
    fn started(&self, _ecosystem: &str, _bytes: Option<u64>) {}
    /// So many bytes more of it arrived.
    fn advanced(&self, _ecosystem: &str, _bytes: u64) {}
    /// All of it arrived; it is being compiled.
    fn compiling(&self, _ecosystem: &str) {}
    /// It is done with, as told.
    fn finished(&self, _ecosystem: &str, _outcome: &Result<Outcome, FetchError>) {}
}

/// Tells nobody.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Progress for Silent {}

/// What became of one ecosystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Fetched and compiled; so many records.
    Fetched(u64),
    /// Only what changed was fetched: so many records.
    Changed(u64),
    /// The server has nothing newer.
    Unchanged,
    /// In the index already, and only what is missing was asked for.
    Present,
}

/// What became of an update.
#[derive(Debug)]
pub struct Update {
    /// The index as it is now; `None` where there still is none.
    pub index: Option<Index>,
    /// Each ecosystem with what became of it.
    pub outcomes: Vec<(String, Result<Outcome, FetchError>)>,
}

/// Fetches sources into the index at `path`: ecosystems by OSV's names, `kev` and `epss`. One that fails does not keep the
/// others from being committed; errors of the index itself end the update.
pub fn update(path: &Path, names: &[String], options: &Options, progress: &dyn Progress) -> Result<Update, IndexError> {
    let tell: Tell<'_> = &|lock| progress.waiting(lock);
    let mut writer = Writer::lock(path, tell)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let fetcher = Fetcher { transfer: Transfer::new(options, folder, progress), options, folder, progress };
    let mut new = New::default();
    let (mut outcomes, mut tried) = (Vec::new(), Vec::new());
    for name in names {
        let outcome = fetcher.fetch(name, writer.current()).map(|fetched| new.take(name, fetched));
        progress.finished(name, &outcome);
        if !matches!(outcome, Ok(Outcome::Present)) {
            let failure = outcome.as_ref().err().map(|error| Failure {
                source: name.clone(),
                at: import::now(),
                reason: error.sentence(),
            });
            tried.push((name.clone(), failure));
        }
        outcomes.push((name.clone(), outcome));
    }
    if !new.added.is_empty() || !new.confirmed.is_empty() {
        writer.replace(&new.added, &new.confirmed, &new.removed)?;
    }
    remember(path, &tried)?;
    Ok(Update { index: writer.current().cloned(), outcomes })
}

/// What the next index gets.
#[derive(Default)]
struct New {
    added: Vec<Compiled>,
    confirmed: Vec<String>,
    removed: Vec<String>,
}

impl New {
    fn take(&mut self, name: &str, fetched: Fetched) -> Outcome {
        match fetched {
            Fetched::Whole(compiled) => {
                let counts = &compiled.info.counts;
                let records = counts.records + counts.kev + counts.epss;
                self.removed.push(changes_name(name));
                self.added.push(*compiled);
                Outcome::Fetched(records)
            }
            Fetched::Changes(compiled) => {
                let records = compiled.info.counts.records + compiled.info.counts.withdrawn;
                self.confirmed.push(whole_name(name));
                self.added.push(*compiled);
                Outcome::Changed(records)
            }
            Fetched::Unchanged => {
                self.confirmed.extend([whole_name(name), changes_name(name)]);
                Outcome::Unchanged
            }
            Fetched::Present => Outcome::Present,
        }
    }
}

enum Fetched {
    Whole(Box<Compiled>),
    Changes(Box<Compiled>),
    Unchanged,
    Present,
}

/// What the segment of a source is called.
fn whole_name(name: &str) -> String {
    match name {
        "kev" => "cisa.gov/kev".into(),
        "epss" => "first.org/epss".into(),
        ecosystem => format!("osv.dev/{ecosystem}"),
    }
}

/// What the segment with changes of an ecosystem is called.
fn changes_name(name: &str) -> String {
    format!("{}, changes", whole_name(name))
}

struct Fetcher<'a> {
    transfer: Transfer<'a>,
    options: &'a Options,
    folder: &'a Path,
    progress: &'a dyn Progress,
}

impl Fetcher<'_> {
    fn fetch(&self, name: &str, index: Option<&Index>) -> Result<Fetched, FetchError> {
        let present =
            index.and_then(|index| Some((index, index.segments().find(|s| s.ecosystem.as_deref() == Some(name))?)));
        if present.is_some() && self.options.only_missing {
            return Ok(Fetched::Present);
        }
        if !is_name(name) {
            return Err(FetchError::Name { name: name.into() });
        }
        let format = Source::named(name).map_or(Format::Osv, |source| source.format);
        let url = self.url(name, format);
        // Another mirror's marks say nothing of this one.
        let present = present.filter(|(_, segment)| segment.origin == url);
        if let Some((index, segment)) = present.filter(|_| format == Format::Osv && !url.starts_with("file://")) {
            match changes::find(&self.transfer, self.options, name, index, segment)? {
                Changes::None => return Ok(Fetched::Unchanged),
                Changes::Few(ids) => {
                    if let Some(compiled) = changes::compile(&self.transfer, self.options, self.folder, name, &ids)? {
                        return Ok(Fetched::Changes(Box::new(compiled)));
                    }
                }
                Changes::Many => {}
            }
        }
        let marks = present.map(|(_, segment)| segment);
        let archive = match url.strip_prefix("file://") {
            Some(path) => transfer::local(Path::new(path), &url, marks)?,
            None => self.transfer.download(name, &url, marks)?,
        };
        let Some(archive) = archive else { return Ok(Fetched::Unchanged) };
        self.progress.compiling(name);
        Ok(Fetched::Whole(Box::new(self.compile(name, format, &url, archive)?)))
    }

    /// Where a source is: below the mirror, or at its own address where osv.dev itself is asked.
    fn url(&self, name: &str, format: Format) -> String {
        match Source::named(name) {
            Some(source) if format != Format::Osv && self.options.base == OSV_BUCKET => source.address(),
            _ if self.options.base.starts_with("file://") => {
                format!("{}/{}", self.options.base, Source::path_on_mirror(name))
            }
            _ => transfer::escaped(&self.options.base, &Source::path_on_mirror(name)),
        }
    }

    fn compile(&self, name: &str, format: Format, url: &str, archive: Archive) -> Result<Compiled, ImportError> {
        let mut compiler = Compiler::new(&whole_name(name), url, &import::now(), self.folder)?;
        compiler.fetched(name, archive.etag, archive.last_modified);
        Input { name: url.to_owned(), file: archive.file }.read(self.options.limits, &mut compiler)?;
        let segment = finish(compiler, url)?;
        let counts = &segment.info.counts;
        let is_there = match format {
            Format::Osv => counts.records > 0 || counts.withdrawn > 0,
            Format::Kev => counts.kev > 0,
            Format::Epss => counts.epss > 0,
        };
        if is_there {
            return Ok(segment);
        }
        let found = format!("something else than {}", format.name());
        Err(SourceError::Format { name: url.to_owned(), found }.into())
    }
}

/// Whether a text could be an ecosystem's name: no path, no address.
fn is_name(text: &str) -> bool {
    let fits = |character: char| character.is_ascii_alphanumeric() || " .:-".contains(character);
    text.len() <= 64 && text.starts_with(|first: char| first.is_ascii_alphanumeric()) && text.chars().all(fits)
}
