//! Where records come from: one file a source.
//!
//! A source reads what its publisher offers, turns it into [`Record`]s, and hands each to a [`Sink`], which is the
//! compiler of the index. What cannot be read is named and skipped; it never costs its neighbours.

mod archive;
mod epss;
pub mod fetch;
mod import;
mod json;
mod kev;
mod member;
pub mod osv;
pub mod table;
mod zstd;

use std::io;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::enrichment::{Enrichment, Epss, Kev};
use crate::record::Record;

pub use import::{ImportError, import};

/// The longest record that is read. The longest real ones, of Linux distributions' kernels, have a few MB.
pub const LONGEST_RECORD: usize = 32 << 20;

/// Takes what a source finds.
pub trait Sink {
    /// A record, withdrawn ones too. `origin` says where it stood, for messages.
    fn record(&mut self, origin: &str, record: Record) -> io::Result<()>;

    /// An entry of CISA's catalog.
    fn exploited(&mut self, kev: &Kev) -> io::Result<()>;

    /// A score of FIRST's.
    fn likelihood(&mut self, epss: &Epss) -> io::Result<()>;

    /// Of which day what enriches is; RFC 3339 or its begin.
    fn dated(&mut self, what: Enrichment, date: &str);

    /// Something that should have been a record and is not.
    fn skipped(&mut self, origin: &str, reason: String);
}

/// What could not be read, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// File or place in it.
    pub name: String,
    /// The reason, a sentence without full stop.
    pub reason: String,
}

/// Why a source as a whole could not be read.
#[derive(Debug, Error)]
pub enum SourceError {
    /// The system refused.
    #[error("cannot read {name}")]
    Io {
        /// What was read.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// Not one of the formats.
    #[error(
        "{name} holds no OSV records: it is {found}; give a folder, a .zip, .tar, .tar.gz or .tar.zst of .json files, \
         or a .json file"
    )]
    Format {
        /// What was read.
        name: String,
        /// What it seems to be.
        found: String,
    },
    /// An archive's structure is broken.
    #[error("{name} is a damaged archive ({reason}); fetch or copy it again")]
    Archive {
        /// Which.
        name: String,
        /// What does not fit.
        reason: String,
    },
    /// More than anyone publishes.
    #[error("{name} unpacks to more than {limit} ({what}): this is no advisory export but a decompression bomb")]
    Bomb {
        /// Which.
        name: String,
        /// Records or bytes.
        what: &'static str,
        /// How many were allowed.
        limit: u64,
    },
    /// The index could not take a record.
    #[error("cannot keep the records of {name}")]
    Keep {
        /// What was read.
        name: String,
        /// Why.
        source: io::Error,
    },
}

/// How much a source may unpack to. Tests set small ones.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one record.
    pub record: usize,
    /// Bytes of everything that is unpacked, beyond what `ratio` allows.
    pub unpacked: u64,
    /// So many more bytes for each byte of the archive: JSON of one kind packs well, but not better than this.
    pub ratio: u64,
    /// Files in an archive or folder, and records.
    pub records: u64,
    /// Folders within folders.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { record: LONGEST_RECORD, unpacked: 1 << 30, ratio: 200, records: 5_000_000, depth: 32 }
    }
}
