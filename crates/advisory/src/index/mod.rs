//! The compiled index: one file, mapped into memory, opened without reading it.
//!
//! A [`Compiler`] turns a source's records into a segment; a [`Writer`] holds the lock, copies the segments that
//! stay, adds the new ones, and renames the whole over the old file, whose readers keep what they have. [`Index`]
//! reads: its header and directory are checked when it is opened, each block of a segment when it is first touched.

mod checksummed;
mod commit;
mod compile;
mod copies;
mod coverage;
mod details;
mod enrich;
mod error;
mod failures;
mod format;
mod mapping;
mod naming;
mod segment;
mod strings;

use std::fmt;
use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zerocopy::FromBytes as _;

pub use commit::{Tell, Writer};
pub(crate) use compile::is_before;
pub use compile::{Compiled, Compiler};
pub use details::Details;
pub use error::IndexError;
pub(crate) use failures::remember;
pub use failures::{Failure, failures};
pub use naming::Said;

pub(crate) use format::{AffectedRow, EcosystemRow, ImportRow, RangeRow, RecordRow, Text};
use format::{Header, LONGEST_DIRECTORY, MAGIC, VERSION};
pub(crate) use mapping::Damage;
use mapping::Mapping;
pub(crate) use segment::Segment;

use crate::sources::Skipped;

/// The advisory index, open for reading. Cheap to clone; a newer index beside it changes nothing in it.
#[derive(Clone)]
pub struct Index(Arc<Open>);

struct Open {
    path: PathBuf,
    map: Mapping,
    directory: Directory,
    places: Vec<segment::Place>,
    /// Device and inode, by which a newer file under the same name is told apart.
    file: (u64, u64),
}

/// Which advisory index answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexIdentity {
    /// Digest of the index's content: the same records make the same id, whenever they were fetched.
    pub id: String,
    /// How old the oldest of its advisories are: when the segment that was not fetched or imported for the longest time
    /// was, RFC 3339 in UTC. Empty where there is none. Sources that only enrich have ages of their own.
    pub built_at: String,
}

/// What the file says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Directory {
    built_at: String,
    segments: Vec<Entry>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    offset: u64,
    length: u64,
    #[serde(flatten)]
    about: SegmentInfo,
}

/// One import: what it is, where it came from, what was in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentInfo {
    /// Its name; an import of the same name replaces it.
    pub name: String,
    /// The address or file that it came from.
    pub origin: String,
    /// The ecosystem (or `kev`, `epss`) that was fetched, where it was; `db update` fetches it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecosystem: Option<String>,
    /// The fetched ecosystem of which it holds only what changed since the whole was fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes_of: Option<String>,
    /// When it was fetched as a whole, where it was; RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole_at: Option<String>,
    /// When it was fetched, confirmed as unchanged, or imported; RFC 3339 in UTC.
    pub fetched_at: String,
    /// The server's mark of this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The server's time of this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
    /// Digest of its tables.
    pub content: String,
    /// What was in it.
    #[serde(flatten)]
    pub counts: SegmentCounts,
}

/// What was found in an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentCounts {
    /// Records that are in the index.
    pub records: u64,
    /// Packages that they affect.
    pub packages: u64,
    /// Records left out because they were withdrawn.
    pub withdrawn: u64,
    /// Records left out because another of the same id was as new or newer.
    pub duplicates: u64,
    /// Records that name a package but only ranges of commits, so that nothing can match them; among `records`.
    pub commits_only: u64,
    /// Records that affect no package; among `records`.
    pub without_package: u64,
    /// Files or records that could not be read.
    pub skipped: u64,
    /// The first of those.
    pub skipped_examples: Vec<Skipped>,
    /// The latest change of any record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<String>,
    /// The latest change of any record, withdrawn ones too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_until: Option<String>,
    /// Entries of CISA's catalog of exploited vulnerabilities.
    #[serde(default)]
    pub kev: u64,
    /// When that catalog was released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kev_released: Option<String>,
    /// Scores of FIRST's exploit prediction.
    #[serde(default)]
    pub epss: u64,
    /// Of which day those scores are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epss_scored: Option<String>,
}

impl SegmentCounts {
    /// Whether advisories came with it, be they all withdrawn, and not only what enriches those of others.
    pub fn has_advisories(&self) -> bool {
        self.records > 0 || self.withdrawn > 0 || (self.kev == 0 && self.epss == 0)
    }
}

impl Index {
    /// The file's name in the data folder.
    pub const FILE: &'static str = "advisories.idx";

    /// Opens the index; `None` where there is no such file. Takes the same time whatever its size.
    pub fn open(path: &Path) -> Result<Option<Self>, IndexError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(IndexError::io("open the advisory index", path)(error)),
        };
        let failed = || IndexError::io("read the advisory index", path);
        let metadata = file.metadata().map_err(failed())?;
        if metadata.len() < size_of::<Header>() as u64 {
            return Err(IndexError::Foreign { path: path.into() });
        }
        let map = Mapping::of(&file).map_err(failed())?;
        let directory = read_directory(&map, path)?;
        let damaged = |damage: Damage| IndexError::Damaged { path: path.into(), what: damage.0.into() };
        let places = directory
            .segments
            .iter()
            .map(|entry| segment::Place::find(&map, entry.offset, entry.length))
            .collect::<Result<_, _>>()
            .map_err(damaged)?;
        let file = (metadata.dev(), metadata.ino());
        Ok(Some(Self(Arc::new(Open { path: path.into(), map, directory, places, file }))))
    }

    /// Opens the index; an error that says how to make one where there is none.
    pub fn require(path: &Path) -> Result<Self, IndexError> {
        Self::open(path)?.ok_or_else(|| IndexError::Missing { path: path.into() })
    }

    /// Whether its file still is the one under its name: `false` once a newer one was put there.
    pub fn is_current(&self) -> bool {
        std::fs::metadata(&self.0.path).is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.0.file)
    }

    /// The index under its name now: itself, or a newer one.
    pub fn renewed(&self) -> Result<Self, IndexError> {
        if self.is_current() { Ok(self.clone()) } else { Self::require(&self.0.path) }
    }

    /// Which one it is and how old its data is.
    pub fn identity(&self) -> IndexIdentity {
        // What enriches has an age of its own: see `SegmentCounts`.
        let advisories = self.segments().filter(|segment| segment.counts.has_advisories());
        let oldest = advisories.map(|segment| segment.fetched_at.as_str()).min();
        IndexIdentity { id: content_id(self.segments()), built_at: oldest.unwrap_or_default().to_owned() }
    }

    /// Its segments, by name.
    pub fn segments(&self) -> impl Iterator<Item = &SegmentInfo> {
        self.0.directory.segments.iter().map(|entry| &entry.about)
    }

    /// The ecosystems that a segment covers, each with its number of records.
    pub fn ecosystems(&self, segment: &str) -> Result<Vec<(String, u32)>, IndexError> {
        let mut all = Vec::new();
        for (info, reader) in self.readers().filter(|(info, _)| info.name == segment) {
            let mut read = || {
                for row in reader.ecosystems()? {
                    all.push((reader.owned_text(row.name)?, row.records.get()));
                }
                Ok(())
            };
            read().map_err(|damage: Damage| self.damaged(info, &damage))?;
        }
        Ok(all)
    }

    /// Checks every byte against its checksum.
    pub fn check(&self) -> Result<(), IndexError> {
        for (entry, place) in self.0.directory.segments.iter().zip(&self.0.places) {
            place.check_all(&self.0.map).map_err(|damage| self.damaged(&entry.about, &damage))?;
        }
        Ok(())
    }

    pub(crate) fn readers(&self) -> impl Iterator<Item = (&SegmentInfo, Segment<'_>)> {
        let readers = self.0.places.iter().map(|place| Segment::new(&self.0.map, place));
        self.segments().zip(readers)
    }

    pub(crate) fn damaged(&self, segment: &SegmentInfo, damage: &Damage) -> IndexError {
        IndexError::Damaged { path: self.0.path.clone(), what: format!("segment {}: {}", segment.name, damage.0) }
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Index").field("path", &self.0.path).finish_non_exhaustive()
    }
}

/// Names and contents make the id, times do not: what was fetched again and had not changed answers the same.
fn content_id<'a>(segments: impl Iterator<Item = &'a SegmentInfo>) -> String {
    let mut digester = image::digest::Digester::new(image::digest::Algorithm::Sha256);
    digester.update(&VERSION.to_le_bytes());
    for segment in segments {
        digester.update(segment.name.as_bytes());
        digester.update(&[0]);
        digester.update(segment.content.as_bytes());
        digester.update(&[0]);
    }
    digester.finish().to_string()
}

fn read_directory(map: &[u8], path: &Path) -> Result<Directory, IndexError> {
    let damaged = |what: &str| IndexError::Damaged { path: path.into(), what: what.into() };
    let (header, _) = Header::ref_from_prefix(map).map_err(|_| damaged("it has no header"))?;
    if header.magic != MAGIC {
        return Err(IndexError::Foreign { path: path.into() });
    }
    if header.version.get() != VERSION {
        return Err(IndexError::Version { path: path.into(), found: header.version.get() });
    }
    let covered = size_of::<Header>() - 4;
    if map.get(..covered).map(crc32fast::hash) != Some(header.checksum.get()) {
        return Err(damaged("its header does not match its checksum"));
    }
    if header.file_length.get() != map.len() as u64 {
        return Err(damaged(&format!("it has {} bytes of {}", map.len(), header.file_length.get())));
    }
    let (offset, length) = (header.directory_offset.get(), header.directory_length.get());
    let end = offset.checked_add(length).filter(|end| *end <= map.len() as u64 && length <= LONGEST_DIRECTORY);
    let bytes = end.and_then(|end| map.get(offset as usize..end as usize));
    let bytes = bytes.ok_or_else(|| damaged("its directory lies outside the file"))?;
    if crc32fast::hash(bytes) != header.directory_checksum.get() {
        return Err(damaged("its directory does not match its checksum"));
    }
    serde_json::from_slice(bytes).map_err(|error| damaged(&format!("its directory cannot be read: {error}")))
}
