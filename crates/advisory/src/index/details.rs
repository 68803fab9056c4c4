//! What pages and `explain` show of a record beyond what a match says.

use std::io::{self, Read};

use flate2::read::DeflateDecoder;
use flate2::{Compress, Compression, FlushCompress, Status};
use serde::{Deserialize, Serialize};

use super::format::RecordRow;
use super::mapping::Damage;
use super::segment::Segment;
use crate::record::{Record, Reference, Score};
use crate::severity::Severity;

/// A record as people read it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Details {
    /// Its own id.
    pub id: String,
    /// One line; the begin of the text where the record has none.
    pub summary: String,
    /// The whole text, Markdown, as its author wrote it.
    pub details: String,
    /// Other ids of the very same vulnerability.
    pub aliases: Vec<String>,
    /// Ids of what it has to do with.
    pub related: Vec<String>,
    /// Ids of what it is made from.
    pub upstream: Vec<String>,
    /// How bad in general; a package's own rating is in its match.
    pub severity: Severity,
    /// CVSS base score.
    pub score: Option<f32>,
    /// The word or vector behind `severity`.
    pub severity_source: Option<String>,
    /// Every score that the record gives.
    pub scores: Vec<Score>,
    /// Where to read more; web addresses only.
    pub references: Vec<Reference>,
    /// The packages that it affects, ecosystem and name.
    pub affected: Vec<(String, String)>,
    /// RFC 3339.
    pub published: Option<String>,
    /// RFC 3339.
    pub modified: String,
    /// The segment that it stands in.
    pub segment: String,
}

/// The part that is kept deflated, for it is long and seldom looked at.
#[derive(Deserialize)]
struct Long {
    details: String,
    scores: Vec<Score>,
    references: Vec<Reference>,
    affected: Vec<(String, String)>,
}

/// The same as it is written.
#[derive(Serialize)]
struct LongOf<'a> {
    details: &'a str,
    scores: &'a [Score],
    references: Vec<&'a Reference>,
    affected: Vec<(&'a str, &'a str)>,
}

/// Deflates the long parts of records, one after the other. What it needs is made once: a compressor is a quarter of a
/// megabyte, and made anew for each record it leaves the heap in pieces.
pub(super) struct Packer {
    deflate: Compress,
    json: Vec<u8>,
    packed: Vec<u8>,
}

impl Packer {
    pub(super) fn new() -> Self {
        Self { deflate: Compress::new(Compression::fast(), false), json: Vec::new(), packed: Vec::new() }
    }

    /// A record's long part, deflated, and its length before.
    pub(super) fn pack(&mut self, record: &Record) -> io::Result<(&[u8], usize)> {
        let mut affected: Vec<(&str, &str)> = record
            .affected
            .iter()
            .filter_map(|affected| affected.package.as_ref())
            .map(|package| (package.ecosystem.as_str(), package.name.as_str()))
            .collect();
        affected.sort_unstable();
        affected.dedup();
        let references = record.references.iter().filter(|reference| is_web_address(&reference.url)).collect();
        let long = LongOf { details: &record.details, scores: &record.severity, references, affected };
        self.json.clear();
        serde_json::to_writer(&mut self.json, &long)?;
        self.packed.clear();
        self.deflate.reset();
        loop {
            // What is left does not grow by more than a few bytes, however badly it packs.
            let left = self.json.len() - self.deflate.total_in() as usize;
            self.packed.reserve(left + left / 100 + 64);
            let begin = self.deflate.total_in() as usize;
            let status = self.deflate.compress_vec(&self.json[begin..], &mut self.packed, FlushCompress::Finish);
            if status.map_err(io::Error::other)? == Status::StreamEnd {
                return Ok((&self.packed, self.json.len()));
            }
        }
    }

    /// Gives back what an exceptionally long record needed.
    pub(super) fn shrink(&mut self) {
        self.json.shrink_to(LONG);
        self.packed.shrink_to(LONG);
    }
}

/// Longer than nearly all records.
const LONG: usize = 1 << 20;

/// No record is longer: see `sources::LONGEST_RECORD`, and escapes may double it.
const LONGEST: u64 = 2 * crate::sources::LONGEST_RECORD as u64;

/// Reads a record whole.
pub(super) fn unpack(segment: Segment<'_>, name: &str, row: &RecordRow) -> Result<Details, Damage> {
    let size = u64::from(row.details_size.get()).min(LONGEST);
    let mut json = Vec::new();
    DeflateDecoder::new(segment.details(row)?)
        .take(size)
        .read_to_end(&mut json)
        .map_err(|_| Damage("a record's text cannot be inflated"))?;
    let long: Long = serde_json::from_slice(&json).map_err(|_| Damage("a record's text cannot be read"))?;
    let rating = segment.rating(&row.rating)?;
    Ok(Details {
        id: segment.owned_text(row.id)?,
        summary: segment.owned_text(row.summary)?,
        details: long.details,
        aliases: segment.owned_list(row.aliases)?,
        related: segment.owned_list(row.related)?,
        upstream: segment.owned_list(row.upstream)?,
        severity: rating.severity,
        score: rating.score,
        severity_source: rating.source,
        scores: long.scores,
        references: long.references,
        affected: long.affected,
        published: segment.optional_text(row.published)?,
        modified: segment.owned_text(row.modified)?,
        segment: name.to_owned(),
    })
}

/// Whether an address may become a link: no `javascript:`, no spaces or control characters.
pub(super) fn is_web_address(url: &str) -> bool {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    is_web && url.len() <= 2048 && !url.chars().any(|character| character.is_control() || character.is_whitespace())
}
