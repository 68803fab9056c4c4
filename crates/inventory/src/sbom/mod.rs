//! Lists of packages that others wrote (SBOMs), read into an [`Inventory`] as if their packages had been found here.
//!
//! [`read`] tells the format by its first bytes and fields: CycloneDX 1.2 to 1.7 as JSON and XML ([`cyclonedx`],
//! [`xml`]), SPDX 2.2 and 2.3 as JSON and tag-value ([`spdx`], [`tag_value`]), Syft's own JSON ([`syft`]) and ours ([`own`]), each also as the
//! predicate of an in-toto statement, and plain lines of package URLs. Every entry becomes an [`entry::Entry`], and
//! [`collector::Collector`] makes packages of those whose package URL is of a known type. What cannot be judged is
//! counted and said, never dropped in silence.
//!
//! The file is text of which this program has a reader without unsafe code, so it is read in this process and no worker
//! is started; its size, the size of an entry, nesting and the number of packages are bounded.
//!
//! Left out: SPDX 3, SPDX as RDF, YAML or spreadsheet, compositions and dependencies between packages.

mod collector;
mod cyclonedx;
mod entry;
mod json;
mod own;
mod package_url;
mod spdx;
mod syft;
mod tag_value;
mod xml;

use std::io::Read;

use image::Digest;
use thiserror::Error;

use crate::Inventory;
use collector::Collector;

/// Most bytes of a list. Syft's JSON of an image of several gigabytes has some tens of megabytes.
pub const MOST_BYTES: u64 = 256 << 20;

/// A list of packages.
#[derive(Clone, Debug)]
pub struct PackageList {
    /// How it was written, for people (`CycloneDX 1.6 JSON`).
    pub format: String,
    /// What it is a list of, in its own words.
    pub subject: Option<String>,
    /// The platform of what it is a list of, where it says so as Plimsoll does.
    pub platform: Option<String>,
    /// The history lines of the layers, where it says so as Plimsoll does.
    pub history: Vec<Option<String>>,
    /// The digest of the list's own bytes.
    pub digest: Digest,
    /// The packages.
    pub inventory: Inventory,
}

/// Why a file is no list of packages that can be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SbomError {
    /// Reading failed.
    #[error("cannot read it")]
    Io(#[from] std::io::Error),
    /// It is larger than any real one.
    #[error("it has more than {} MiB, which is the most that a list of packages may have", .0 >> 20)]
    TooLarge(u64),
    /// It is something else.
    #[error(
        "it is no SBOM that is known: CycloneDX (JSON or XML), SPDX 2 (JSON or tag-value), Plimsoll's and Syft's JSON, and lines of package URLs are read"
    )]
    Unknown,
    /// It is of a version or form that is not read.
    #[error("it is {0}, which is not read; {1}")]
    Unsupported(&'static str, &'static str),
    /// It breaks off or is damaged.
    #[error("it is no well-formed {format}: {reason}")]
    Malformed {
        /// What it seems to be.
        format: &'static str,
        /// What is wrong, with the place.
        reason: String,
    },
}

/// Reads a list of packages. Those of which the list does not tell where they were found are said to be at `place`.
pub fn read(input: impl Read, place: &str) -> Result<PackageList, SbomError> {
    read_within(input, place, MOST_BYTES)
}

/// The same with another bound on its bytes.
pub fn read_within(input: impl Read, place: &str, most_bytes: u64) -> Result<PackageList, SbomError> {
    let mut bytes = Vec::new();
    input.take(most_bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most_bytes {
        return Err(SbomError::TooLarge(most_bytes));
    }
    let digest = Digest::sha256(&bytes);
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes).trim_ascii_start();
    let mut collector = Collector::new(place);
    let format = match text.first() {
        Some(b'{') => json::read(text, &mut collector)?,
        Some(b'<') => xml::read(text, &mut collector)?,
        Some(_) if text.starts_with(b"pkg:") => lines(text, &mut collector),
        Some(_) if tag_value::is_one(text) => tag_value::read(text, &mut collector)?,
        _ => return Err(SbomError::Unknown),
    };
    let found = collector.finish();
    Ok(PackageList {
        format,
        subject: found.subject,
        platform: found.platform,
        history: found.history,
        digest,
        inventory: found.inventory,
    })
}

/// A package URL a line; empty lines and those that begin with `#` say nothing.
fn lines(text: &[u8], collector: &mut Collector<'_>) -> String {
    for line in String::from_utf8_lossy(text).lines().map(str::trim) {
        if !line.is_empty() && !line.starts_with('#') {
            collector.take(entry::Entry { purl: Some(line.to_owned()), ..entry::Entry::default() });
        }
    }
    "package URLs".into()
}
