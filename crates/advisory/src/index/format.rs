//! How the index lies in its file.
//!
//! ```text
//! header      magic, version of the format, where the directory lies, checksums
//! segment     tables of one import, then the CRC-32 of each of its blocks
//! …
//! directory   JSON: what each segment is and where it lies
//! ```
//!
//! Everything is little-endian. A segment's offsets count from its own begin, so that it is copied into the next
//! index byte by byte. Within a segment rows name rows by number and texts by place, and every number is checked when
//! it is followed. Tables are in the order in which they are searched: ecosystems by name, packages by ecosystem and
//! name, records by id.

pub(crate) use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The first bytes of an index.
pub(super) const MAGIC: [u8; 8] = *b"PLIMSADV";
/// Raised whenever a reader of the present version would misread what is written.
pub(super) const VERSION: u32 = 4;
/// The first bytes of a segment.
pub(super) const SEGMENT_MAGIC: [u8; 8] = *b"SEGMENT3";
/// A checksum covers so many bytes; they are checked when the first of them is read.
pub(super) const BLOCK: u64 = 4096;
/// A directory is a few hundred bytes a segment.
pub(super) const LONGEST_DIRECTORY: u64 = 64 << 20;

/// The begin of the file.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct Header {
    pub(crate) magic: [u8; 8],
    pub(crate) version: U32,
    pub(crate) directory_checksum: U32,
    pub(crate) directory_offset: U64,
    pub(crate) directory_length: U64,
    pub(crate) file_length: U64,
    /// CRC-32 of the bytes before it.
    pub(crate) checksum: U32,
}

/// The begin of a segment.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct SegmentHeader {
    pub(crate) magic: [u8; 8],
    pub(crate) tables: [TableRow; TABLES],
}

/// Where a table lies, in bytes.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct TableRow {
    pub(crate) offset: U64,
    pub(crate) length: U64,
}

/// The tables of a segment, in the order in which they lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    Ecosystems,
    Packages,
    Affected,
    Ranges,
    Events,
    Records,
    /// [`Text`]s, several in a row: affected versions; ids of aliases, related and upstream.
    Lists,
    Strings,
    Details,
    Imports,
    Kev,
    Epss,
}

/// How many tables there are.
pub(super) const TABLES: usize = 12;

/// A text in the table of strings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct Text {
    pub(crate) offset: U32,
    pub(crate) length: U32,
}

/// Rows of another table that lie one behind the other.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct Rows {
    pub(crate) first: U32,
    pub(crate) count: U32,
}

/// An ecosystem that the segment covers.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct EcosystemRow {
    pub(crate) name: Text,
    pub(crate) packages: Rows,
    pub(crate) records: U32,
}

/// A package of an ecosystem.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct PackageRow {
    pub(crate) name: Text,
    pub(crate) affected: Rows,
}

/// A record affects a package. Rows of one package and one record lie together.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct AffectedRow {
    pub(crate) record: U32,
    pub(crate) ranges: Rows,
    pub(crate) versions: Rows,
    pub(crate) imports: Rows,
    pub(crate) rating: RatingRow,
}

/// A range of versions.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct RangeRow {
    /// One of the constants below.
    pub(crate) kind: U32,
    pub(crate) events: Rows,
}

/// The ecosystem orders its versions.
pub(super) const ECOSYSTEM: u32 = 0;
/// Its versions are semantic ones.
pub(super) const SEMVER: u32 = 1;
/// Go's ranges in other versions than the module's; they are no part of OSV's plain rules.
pub(super) const CUSTOM: u32 = 2;

/// A change within a range.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct EventRow {
    /// One of the constants below.
    pub(crate) kind: U32,
    pub(crate) version: Text,
}

pub(super) const INTRODUCED: u32 = 1;
pub(super) const FIXED: u32 = 2;
pub(super) const LAST_AFFECTED: u32 = 3;
pub(super) const LIMIT: u32 = 4;

/// How bad it is.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct RatingRow {
    pub(crate) severity: u8,
    pub(crate) has_score: u8,
    /// Tenths.
    pub(crate) score: U16,
    /// Empty where nobody said anything.
    pub(crate) source: Text,
}

/// A record.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct RecordRow {
    pub(crate) id: Text,
    pub(crate) summary: Text,
    pub(crate) modified: Text,
    pub(crate) published: Text,
    pub(crate) url: Text,
    pub(crate) aliases: Rows,
    pub(crate) related: Rows,
    pub(crate) upstream: Rows,
    pub(crate) rating: RatingRow,
    /// 1 where it was withdrawn: then it only says that older copies of it say nothing any more.
    pub(crate) withdrawn: U32,
    /// Deflated JSON in the table of details.
    pub(crate) details_offset: U64,
    pub(crate) details_length: U32,
    /// Its length inflated.
    pub(crate) details_size: U32,
}

/// A package of a Go module in which the fault is.
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct ImportRow {
    pub(crate) path: Text,
    /// Functions, in the table of lists.
    pub(crate) symbols: Rows,
    /// Systems, in the table of lists.
    pub(crate) goos: Rows,
    /// Architectures, in the table of lists.
    pub(crate) goarch: Rows,
}

/// An entry of CISA's catalog, by [`crate::enrichment::cve_number`].
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct KevRow {
    pub(crate) cve: U64,
    pub(crate) added: Text,
    pub(crate) due: Text,
    pub(crate) ransomware: U32,
}

/// A score of FIRST's, by [`crate::enrichment::cve_number`].
#[derive(Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct EpssRow {
    pub(crate) cve: U64,
    /// Bits of an `f32`, 0 to 1.
    pub(crate) probability: U32,
    /// Bits of an `f32`, 0 to 1.
    pub(crate) percentile: U32,
}
