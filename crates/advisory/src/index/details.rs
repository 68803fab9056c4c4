//! What pages and `explain` show of a record beyond what a match says.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
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
#[derive(Serialize, Deserialize)]
struct Long {
    details: String,
    scores: Vec<Score>,
    references: Vec<Reference>,
    affected: Vec<(String, String)>,
}

/// A record's long part, deflated, with its length before.
pub(super) fn pack(record: &Record) -> std::io::Result<(Vec<u8>, usize)> {
    let mut affected: Vec<(String, String)> = record
        .affected
        .iter()
        .filter_map(|affected| affected.package.as_ref())
        .map(|package| (package.ecosystem.clone(), package.name.clone()))
        .collect();
    affected.sort_unstable();
    affected.dedup();
    let references = record.references.iter().filter(|reference| is_web_address(&reference.url)).cloned().collect();
    let long = Long { details: record.details.clone(), scores: record.severity.clone(), references, affected };
    let json = serde_json::to_vec(&long)?;
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&json)?;
    Ok((encoder.finish()?, json.len()))
}

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
