//! Records in, a segment's tables out.
//!
//! A record is turned into rows as it comes and then forgotten, so that memory grows with the tables and not with the
//! records' texts, which go to a file at once.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use zerocopy::{FromZeros as _, Immutable, IntoBytes};

use super::checksummed::Checksummed;
use super::format::{
    AffectedRow, CUSTOM, ECOSYSTEM, EcosystemRow, EpssRow, EventRow, FIXED, INTRODUCED, ImportRow, KevRow,
    LAST_AFFECTED, LIMIT, PackageRow, RangeRow, RatingRow, RecordRow, Rows, SEGMENT_MAGIC, SEMVER, SegmentHeader,
    TABLES, TableRow, Text,
};
use super::strings::{Strings, full};
use super::{IndexError, SegmentCounts, SegmentInfo, details};
use crate::ecosystem;
use crate::enrichment::{Enrichment, Epss, Kev, cve_number};
use crate::record::{Affected, Import, Range, Record, is_plausible};
use crate::severity::{self, Rating};
use crate::sources::{Sink, Skipped};

/// Most events of one package's ranges in one record: far above any real one (89), and few enough that judging a
/// version by them stays a matter of microseconds.
const MOST_EVENTS: usize = 4096;
/// Most packages of a Go module that one record names; real ones name a few dozen.
const MOST_IMPORTS: usize = 4096;
/// Most packages of one record.
const MOST_AFFECTED: usize = 100_000;
/// How many skipped records are named; the others are counted.
const NAMED_SKIPS: usize = 50;
/// A summary is one line.
const LONGEST_SUMMARY: usize = 300;

/// Compiles one import.
pub struct Compiler {
    info: SegmentInfo,
    folder: PathBuf,
    strings: Strings,
    ecosystems: Vec<Ecosystem>,
    ecosystem_numbers: HashMap<Text, u32>,
    packages: Vec<Package>,
    package_numbers: HashMap<(u32, Text), u32>,
    affected: Vec<(u32, AffectedRow)>,
    ranges: Vec<RangeRow>,
    events: Vec<EventRow>,
    lists: Vec<Text>,
    imports: Vec<ImportRow>,
    kev: BTreeMap<u64, KevRow>,
    epss: BTreeMap<u64, EpssRow>,
    records: Vec<Kept>,
    newest_of_id: HashMap<Text, u32>,
    packer: details::Packer,
    details: BufWriter<File>,
    details_length: u64,
}

struct Ecosystem {
    name: Text,
    records: u32,
    last_record: Option<u32>,
}

struct Package {
    ecosystem: u32,
    name: Text,
}

struct Kept {
    row: RecordRow,
    /// Fingerprint of everything it says, to tell a second copy from a second record of the same id.
    content: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Alive,
    Withdrawn,
    Replaced,
}

/// A segment ready to be put into an index: its tables in a file without a name, and their checksums.
#[derive(Debug)]
pub struct Compiled {
    /// What it is.
    pub info: SegmentInfo,
    pub(super) tables: File,
    pub(super) length: u64,
    pub(super) checksums: Vec<u8>,
}

impl Compiler {
    /// Starts a segment; files without a name are made in `folder`.
    pub fn new(name: &str, origin: &str, fetched_at: &str, folder: &Path) -> Result<Self, IndexError> {
        let details = scratch(folder)?;
        Ok(Self {
            info: SegmentInfo {
                name: name.into(),
                origin: origin.into(),
                ecosystem: None,
                changes_of: None,
                whole_at: None,
                fetched_at: fetched_at.into(),
                etag: None,
                last_modified: None,
                content: String::new(),
                counts: SegmentCounts::default(),
            },
            folder: folder.into(),
            strings: Strings::default(),
            ecosystems: Vec::new(),
            ecosystem_numbers: HashMap::new(),
            packages: Vec::new(),
            package_numbers: HashMap::new(),
            affected: Vec::new(),
            ranges: Vec::new(),
            events: Vec::new(),
            lists: Vec::new(),
            imports: Vec::new(),
            kev: BTreeMap::new(),
            epss: BTreeMap::new(),
            records: Vec::new(),
            newest_of_id: HashMap::new(),
            packer: details::Packer::new(),
            details: BufWriter::new(details),
            details_length: 0,
        })
    }

    /// What was found so far.
    pub fn counts(&self) -> &SegmentCounts {
        &self.info.counts
    }

    /// Names the ecosystem and server's marks of a segment that was fetched as a whole.
    pub fn fetched(&mut self, ecosystem: &str, etag: Option<String>, last_modified: Option<String>) {
        self.info.ecosystem = Some(ecosystem.into());
        self.info.whole_at = Some(self.info.fetched_at.clone());
        self.info.etag = etag;
        self.info.last_modified = last_modified;
    }

    /// Names the ecosystem of a segment that holds only what changed of it.
    pub fn changes_of(&mut self, ecosystem: &str) {
        self.info.changes_of = Some(ecosystem.into());
    }

    fn add(&mut self, record: &Record) -> io::Result<()> {
        let id = self.strings.intern(&record.id)?;
        let content = fingerprint(record);
        if let Some(before) = self.newest_of_id.get(&id).copied() {
            let kept = &mut self.records[before as usize];
            let modified = self.strings.get(kept.row.modified);
            let is_copy = kept.content == content;
            if is_copy || is_before(&record.modified, modified) {
                self.info.counts.duplicates += 1;
                return Ok(());
            }
            if is_before(modified, &record.modified) {
                self.info.counts.duplicates += u64::from(kept.state == State::Alive);
                kept.state = State::Replaced;
            }
            // As new and different: both count, for nothing tells which is right.
        }
        let number = u32::try_from(self.records.len()).map_err(|_| full("records"))?;
        self.newest_of_id.insert(id, number);
        let mut row = RecordRow::new_zeroed();
        row.id = id;
        row.modified = self.strings.intern(&record.modified)?;
        if self.info.counts.changed_until.as_ref().is_none_or(|until| is_before(until, &record.modified)) {
            self.info.counts.changed_until = Some(record.modified.clone());
        }
        if record.withdrawn.is_some() {
            row.withdrawn = 1.into();
            self.records.push(Kept { row, content, state: State::Withdrawn });
            return Ok(());
        }
        if self.info.counts.newest.as_ref().is_none_or(|newest| is_before(newest, &record.modified)) {
            self.info.counts.newest = Some(record.modified.clone());
        }
        row.summary = self.strings.intern(&summary(record))?;
        row.published = self.strings.intern(record.published.as_deref().unwrap_or_default())?;
        row.url = self.strings.intern(&address(record))?;
        row.aliases = self.list(&record.aliases)?;
        row.related = self.list(&record.related)?;
        row.upstream = self.list(&record.upstream)?;
        row.rating = self.rating(&severity::rate(record, None))?;
        let (packed, size) = self.packer.pack(record)?;
        self.details.write_all(packed)?;
        row.details_offset = self.details_length.into();
        row.details_length = u32::try_from(packed.len()).map_err(|_| full("text"))?.into();
        row.details_size = u32::try_from(size).map_err(|_| full("text"))?.into();
        self.details_length += packed.len() as u64;
        self.packer.shrink();
        self.records.push(Kept { row, content, state: State::Alive });
        for affected in &record.affected {
            self.add_affected(record, number, affected)?;
        }
        Ok(())
    }

    fn add_affected(&mut self, record: &Record, number: u32, affected: &Affected) -> io::Result<()> {
        let Some(package) = &affected.package else { return Ok(()) };
        let first_range = self.ranges.len();
        for range in &affected.ranges {
            match range.kind.as_str() {
                "SEMVER" => self.range(SEMVER, range)?,
                "ECOSYSTEM" => self.range(ECOSYSTEM, range)?,
                // Commits, or what the schema does not have yet.
                _ => {}
            }
        }
        let is_go = ecosystem::base(&package.ecosystem) == "Go";
        let (custom, imports) = if is_go { of_go(affected) } else { (Vec::new(), Vec::new()) };
        for range in &custom {
            self.range(CUSTOM, range)?;
        }
        let first_import = self.imports.len();
        for import in &imports {
            let path = self.strings.intern(&import.path)?;
            let symbols = self.list(&import.symbols)?;
            let (goos, goarch) = (self.list(&import.goos)?, self.list(&import.goarch)?);
            self.imports.push(ImportRow { path, symbols, goos, goarch });
        }
        let first_version = self.lists.len();
        for version in affected.versions.iter().filter(|version| is_plausible(version)) {
            let version = self.strings.intern(version)?;
            self.lists.push(version);
        }
        let row = AffectedRow {
            record: number.into(),
            ranges: rows(first_range, self.ranges.len())?,
            versions: rows(first_version, self.lists.len())?,
            imports: rows(first_import, self.imports.len())?,
            rating: self.rating(&severity::rate(record, Some(affected)))?,
        };
        let ecosystem = self.ecosystem(&package.ecosystem, number)?;
        let name = self.strings.intern(&ecosystem::normalise(&package.ecosystem, &package.name))?;
        let next = u32::try_from(self.packages.len()).map_err(|_| full("packages"))?;
        let place = *self.package_numbers.entry((ecosystem, name)).or_insert_with(|| {
            self.packages.push(Package { ecosystem, name });
            next
        });
        self.affected.push((place, row));
        Ok(())
    }

    fn range(&mut self, kind: u32, range: &Range) -> io::Result<()> {
        let first = self.events.len();
        for event in &range.events {
            let kinds = [
                (INTRODUCED, &event.introduced),
                (FIXED, &event.fixed),
                (LAST_AFFECTED, &event.last_affected),
                (LIMIT, &event.limit),
            ];
            for (kind, version) in kinds {
                if let Some(version) = version.as_deref().filter(|version| is_plausible(version)) {
                    self.events.push(EventRow { kind: kind.into(), version: self.strings.intern(version)? });
                }
            }
        }
        self.ranges.push(RangeRow { kind: kind.into(), events: rows(first, self.events.len())? });
        Ok(())
    }

    fn ecosystem(&mut self, name: &str, record: u32) -> io::Result<u32> {
        let name = self.strings.intern(name)?;
        let next = u32::try_from(self.ecosystems.len()).map_err(|_| full("ecosystems"))?;
        let number = *self.ecosystem_numbers.entry(name).or_insert_with(|| {
            self.ecosystems.push(Ecosystem { name, records: 0, last_record: None });
            next
        });
        let ecosystem = &mut self.ecosystems[number as usize];
        if ecosystem.last_record != Some(record) {
            ecosystem.records += 1;
            ecosystem.last_record = Some(record);
        }
        Ok(number)
    }

    fn list(&mut self, texts: &[String]) -> io::Result<Rows> {
        let first = self.lists.len();
        for text in texts.iter().filter(|text| is_plausible(text)) {
            let text = self.strings.intern(text)?;
            self.lists.push(text);
        }
        rows(first, self.lists.len())
    }

    fn rating(&mut self, rating: &Rating) -> io::Result<RatingRow> {
        Ok(RatingRow {
            severity: rating.severity as u8,
            has_score: u8::from(rating.score.is_some()),
            score: tenths(rating.score.unwrap_or_default()).into(),
            source: self.strings.intern(rating.source.as_deref().unwrap_or_default())?,
        })
    }

    /// Puts the tables in order and writes them.
    pub fn finish(mut self) -> Result<Compiled, IndexError> {
        let name = self.info.name.clone();
        let folder = self.folder.clone();
        self.write().map_err(|error| {
            if error.kind() == io::ErrorKind::FileTooLarge {
                return IndexError::TooLarge { segment: name, what: "text" };
            }
            IndexError::io("write a segment in", &folder)(error)
        })
    }

    fn write(&mut self) -> io::Result<Compiled> {
        let (record_rows, record_places) = self.sorted_records();
        let (ecosystem_rows, package_rows, affected_rows) = self.sorted_packages(&record_places)?;
        let count = |state| self.records.iter().filter(|kept| kept.state == state).count() as u64;
        (self.info.counts.records, self.info.counts.withdrawn) = (count(State::Alive), count(State::Withdrawn));
        self.info.counts.packages = package_rows.len() as u64;
        let kev: Vec<KevRow> = std::mem::take(&mut self.kev).into_values().collect();
        let epss: Vec<EpssRow> = std::mem::take(&mut self.epss).into_values().collect();
        (self.info.counts.kev, self.info.counts.epss) = (kev.len() as u64, epss.len() as u64);
        self.details.flush()?;
        let strings = std::mem::take(&mut self.strings).into_bytes();
        let lengths = [
            bytes_of(&ecosystem_rows),
            bytes_of(&package_rows),
            bytes_of(&affected_rows),
            bytes_of(&self.ranges),
            bytes_of(&self.events),
            bytes_of(&record_rows),
            bytes_of(&self.lists),
            strings.len() as u64,
            self.details_length,
            bytes_of(&self.imports),
            bytes_of(&kev),
            bytes_of(&epss),
        ];
        let mut header = SegmentHeader { magic: SEGMENT_MAGIC, tables: [TableRow::default(); TABLES] };
        let mut offset = size_of::<SegmentHeader>() as u64;
        for (table, length) in header.tables.iter_mut().zip(lengths) {
            *table = TableRow { offset: offset.into(), length: length.into() };
            offset += length;
        }
        let mut out = Checksummed::new(scratch(&self.folder).map_err(io::Error::other)?);
        out.write_all(header.as_bytes())?;
        out.write_all(ecosystem_rows.as_bytes())?;
        out.write_all(package_rows.as_bytes())?;
        out.write_all(affected_rows.as_bytes())?;
        out.write_all(self.ranges.as_bytes())?;
        out.write_all(self.events.as_bytes())?;
        out.write_all(record_rows.as_bytes())?;
        out.write_all(self.lists.as_bytes())?;
        out.write_all(&strings)?;
        let details = self.details.get_mut();
        details.seek(SeekFrom::Start(0))?;
        io::copy(&mut details.take(self.details_length), &mut out)?;
        out.write_all(self.imports.as_bytes())?;
        out.write_all(kev.as_bytes())?;
        out.write_all(epss.as_bytes())?;
        let (tables, checksums, digest) = out.finish()?;
        self.info.content = digest;
        Ok(Compiled { info: self.info.clone(), tables, length: offset, checksums })
    }

    /// The records by id, withdrawn ones too, and where each record's number now stands.
    fn sorted_records(&self) -> (Vec<RecordRow>, Vec<Option<u32>>) {
        let mut order: Vec<u32> = (0..self.records.len() as u32)
            .filter(|number| self.records[*number as usize].state != State::Replaced)
            .collect();
        order.sort_by_key(|number| self.strings.get(self.records[*number as usize].row.id));
        let mut places = vec![None; self.records.len()];
        for (place, number) in order.iter().enumerate() {
            places[*number as usize] = Some(place as u32);
        }
        (order.iter().map(|number| self.records[*number as usize].row).collect(), places)
    }

    /// Ecosystems by name, their packages by name, what affects each by record.
    fn sorted_packages(
        &mut self,
        record_places: &[Option<u32>],
    ) -> io::Result<(Vec<EcosystemRow>, Vec<PackageRow>, Vec<AffectedRow>)> {
        let strings = &self.strings;
        let mut ecosystem_order: Vec<u32> = (0..self.ecosystems.len() as u32).collect();
        ecosystem_order.sort_by_key(|number| strings.get(self.ecosystems[*number as usize].name));
        let mut rank = vec![0; self.ecosystems.len()];
        for (place, number) in ecosystem_order.iter().enumerate() {
            rank[*number as usize] = place;
        }
        let mut affected: Vec<(u32, AffectedRow)> = std::mem::take(&mut self.affected)
            .into_iter()
            .filter_map(|(package, mut row)| {
                row.record = record_places[row.record.get() as usize]?.into();
                Some((package, row))
            })
            .collect();
        let mut package_order: Vec<u32> = (0..self.packages.len() as u32).collect();
        let key = |number: u32| {
            let package = &self.packages[number as usize];
            (rank[package.ecosystem as usize], strings.get(package.name))
        };
        package_order.sort_by(|left, right| key(*left).cmp(&key(*right)));
        let mut package_rank = vec![0_u32; self.packages.len()];
        for (place, number) in package_order.iter().enumerate() {
            package_rank[*number as usize] = place as u32;
        }
        affected.sort_by_key(|(package, row)| (package_rank[*package as usize], row.record.get()));
        let mut package_rows = Vec::with_capacity(self.packages.len());
        let mut ecosystem_rows = Vec::with_capacity(self.ecosystems.len());
        let mut next_affected = 0;
        let mut next_package = 0;
        for number in &ecosystem_order {
            let first_package = next_package;
            while let Some(package) =
                package_order.get(next_package).filter(|package| self.packages[**package as usize].ecosystem == *number)
            {
                let first = next_affected;
                while affected.get(next_affected).is_some_and(|(of, _)| of == package) {
                    next_affected += 1;
                }
                let name = self.packages[*package as usize].name;
                package_rows.push(PackageRow { name, affected: rows(first, next_affected)? });
                next_package += 1;
            }
            let ecosystem = &self.ecosystems[*number as usize];
            ecosystem_rows.push(EcosystemRow {
                name: ecosystem.name,
                packages: rows(first_package, next_package)?,
                records: ecosystem.records.into(),
            });
        }
        Ok((ecosystem_rows, package_rows, affected.into_iter().map(|(_, row)| row).collect()))
    }
}

impl Sink for Compiler {
    fn record(&mut self, origin: &str, record: Record) -> io::Result<()> {
        let events = |affected: &Affected| affected.ranges.iter().map(|range| range.events.len()).sum::<usize>();
        if record.affected.len() > MOST_AFFECTED
            || record.affected.iter().any(|affected| events(affected) > MOST_EVENTS)
        {
            self.skipped(origin, format!("{} has more packages or events than any real record", record.id));
            return Ok(());
        }
        let before = self.records.len();
        self.add(&record)?;
        if self.records.len() > before && record.withdrawn.is_none() {
            let counts = &mut self.info.counts;
            let mut packages = record.affected.iter().filter(|affected| affected.package.is_some()).peekable();
            if packages.peek().is_none() {
                counts.without_package += 1;
            } else if packages
                .all(|affected| affected.versions.is_empty() && affected.ranges.iter().all(|range| range.kind == "GIT"))
            {
                counts.commits_only += 1;
            }
        }
        Ok(())
    }

    fn exploited(&mut self, kev: &Kev) -> io::Result<()> {
        let Some(cve) = cve_number(&kev.cve) else { return Ok(()) };
        let row = KevRow {
            cve: cve.into(),
            added: self.strings.intern(&kev.added)?,
            due: self.strings.intern(kev.due.as_deref().unwrap_or_default())?,
            ransomware: u32::from(kev.ransomware).into(),
        };
        self.kev.insert(cve, row);
        Ok(())
    }

    fn likelihood(&mut self, epss: &Epss) -> io::Result<()> {
        let Some(cve) = cve_number(&epss.cve) else { return Ok(()) };
        let (probability, percentile) = (epss.probability.to_bits().into(), epss.percentile.to_bits().into());
        self.epss.insert(cve, EpssRow { cve: cve.into(), probability, percentile });
        Ok(())
    }

    fn dated(&mut self, what: Enrichment, date: &str) {
        let kept = match what {
            Enrichment::Kev => &mut self.info.counts.kev_released,
            Enrichment::Epss => &mut self.info.counts.epss_scored,
        };
        if kept.as_deref().is_none_or(|kept| kept < date) {
            *kept = Some(date.to_owned());
        }
    }

    fn skipped(&mut self, origin: &str, reason: String) {
        tracing::debug!(segment = self.info.name, origin, reason, "advisory skipped");
        self.info.counts.skipped += 1;
        if self.info.counts.skipped_examples.len() < NAMED_SKIPS {
            let name = origin.chars().take(300).collect();
            self.info.counts.skipped_examples.push(Skipped { name, reason: reason.chars().take(300).collect() });
        }
    }
}

/// Go's custom ranges and imports. Where there are more than anyone publishes, or a name is longer than any real one,
/// neither is taken: a part of them would say less than the record does.
fn of_go(affected: &Affected) -> (Vec<Range>, Vec<Import>) {
    let mut custom = affected.ecosystem_specific.custom_ranges();
    custom.retain(|range| !range.events.is_empty());
    if custom.iter().map(|range| range.events.len()).sum::<usize>() > MOST_EVENTS {
        custom.clear();
    }
    let mut imports = affected.ecosystem_specific.imports();
    let is_long = |import: &Import| {
        let lists = [&import.symbols, &import.goos, &import.goarch];
        !is_plausible(&import.path) || !lists.into_iter().flatten().all(|text| is_plausible(text))
    };
    if imports.len() > MOST_IMPORTS || imports.iter().any(is_long) {
        imports.clear();
    }
    (custom, imports)
}

fn scratch(folder: &Path) -> Result<File, IndexError> {
    tempfile::tempfile_in(folder).map_err(IndexError::io("make a temporary file in", folder))
}

fn bytes_of<R: IntoBytes + Immutable>(rows: &[R]) -> u64 {
    size_of_val(rows) as u64
}

fn rows(first: usize, end: usize) -> io::Result<Rows> {
    let first_row = u32::try_from(first).map_err(|_| full("rows"))?;
    let count = u32::try_from(end - first).map_err(|_| full("rows"))?;
    Ok(Rows { first: first_row.into(), count: count.into() })
}

#[allow(clippy::cast_sign_loss)] // A score is between 0 and 10.
fn tenths(score: f32) -> u16 {
    (score * 10.0).round() as u16
}

/// Times are compared as times where both can be read (`…00Z` and `…00.000Z` are the same).
pub(crate) fn is_before(left: &str, right: &str) -> bool {
    let read = |text| time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok();
    match (read(left), read(right)) {
        (Some(left), Some(right)) => left < right,
        _ => left < right,
    }
}

/// One line that says what it is about.
fn summary(record: &Record) -> String {
    let text = [&record.summary, &record.details].into_iter().find(|text| !text.trim().is_empty());
    let line = text.map_or("", |text| text.trim().lines().next().unwrap_or_default()).trim();
    let mut short: String = line.chars().take(LONGEST_SUMMARY).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}

/// The page to read: the advisory where the record links one, else the record's page at osv.dev.
fn address(record: &Record) -> String {
    let usable = |reference: &&crate::record::Reference| details::is_web_address(&reference.url);
    let advisory = record.references.iter().find(|reference| reference.kind == "ADVISORY" && usable(reference));
    advisory.map_or_else(
        || {
            let id = percent_encoding::utf8_percent_encode(&record.id, percent_encoding::NON_ALPHANUMERIC).to_string();
            format!("https://osv.dev/vulnerability/{}", id.replace("%2D", "-").replace("%2E", ".").replace("%3A", ":"))
        },
        |reference| reference.url.clone(),
    )
}

/// A fingerprint of everything that a record says.
fn fingerprint(record: &Record) -> u64 {
    use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
    BuildHasherDefault::<DefaultHasher>::default().hash_one(record)
}
