//! `rpmdb.sqlite-wal`: what an rpm that did not end in peace had written and not yet moved into `rpmdb.sqlite`
//! (sqlite.org, "Database File Format", section 4, "The Write-Ahead Log").
//!
//! The log is read on its own, since a cataloguer sees one file at a time: a package whose row is wholly in it was
//! written by those last commands. What they removed is still in the database; merging finds it by the pages of the
//! table's tree that the log has anew.

use std::collections::BTreeMap;
use std::io;

use super::Each;
use super::blocks::{Blocks, be32, corrupt};
use super::header::Header;
use super::row::{LEAF, Pages, Row, cell, page_of_tree, shape};
use super::sqlite::page_size;
use crate::record::PackageTable;

/// What it begins with: the last bit says in which byte order the checksums are.
pub(super) const MAGIC: u32 = 0x377f_0682;

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// Whether a file begins as one.
pub(super) fn is_it(start: &[u8]) -> bool {
    be32(start, 0) & !1 == MAGIC
}

/// Calls `each` with the header of every package that the log has whole, and tells the pages of trees that it has; none
/// where it has no change.
pub(super) fn headers(blocks: &mut Blocks<'_>, each: &mut Each<'_>) -> io::Result<Option<PackageTable>> {
    let mut log = Log::read(blocks)?;
    let root = log.root();
    let mut pages = Vec::new();
    for (number, place) in log.places.clone() {
        let page = log.at(place)?;
        let (kind, cells, places) = shape(number, &page);
        pages.extend(page_of_tree(number, &page).ok().flatten());
        if kind != LEAF {
            continue;
        }
        for index in 0..cells {
            // Other tables' rows, and rows whose other pages were in the database before: none of them is new.
            let row = cell(&page, places, index).and_then(|at| Row::read(&mut log, &page, at));
            let Ok(row) = row else { continue };
            if let Some(blob) =
                row.blob(1).filter(|blob| Header::parse(blob).is_ok_and(|header| header.name().is_some()))
            {
                each(row.id, Ok(blob));
            }
        }
    }
    let table = PackageTable { is_log: true, root, pages, rows: Vec::new() };
    Ok((!log.places.is_empty()).then_some(table))
}

struct Log<'a, 'b> {
    blocks: &'a mut Blocks<'b>,
    page_size: usize,
    /// Where the last committed state of each page is.
    places: BTreeMap<u32, u64>,
    /// Pages of chains that may still be read.
    budget: u64,
}

impl<'a, 'b> Log<'a, 'b> {
    /// Finds the frames that count: those of this log's salts with a right checksum, up to the last commit.
    fn read(blocks: &'a mut Blocks<'b>) -> io::Result<Self> {
        let header = blocks.at(0, HEADER)?;
        let page_size = page_size(be32(&header, 8))?;
        let big_endian = be32(&header, 0) & 1 == 1;
        let mut sum = Checksum { big_endian, words: (0, 0) };
        sum.add(&header[..24]);
        if sum.words != (be32(&header, 24), be32(&header, 28)) {
            return Err(corrupt("its checksum is wrong"));
        }
        let (mut places, mut uncommitted) = (BTreeMap::new(), BTreeMap::new());
        let mut at = HEADER as u64;
        while at + (FRAME_HEADER + page_size) as u64 <= blocks.size() {
            let frame = blocks.at(at, FRAME_HEADER + page_size)?;
            sum.add(&frame[..8]);
            sum.add(&frame[FRAME_HEADER..]);
            if frame[8..16] != header[16..24] || sum.words != (be32(&frame, 16), be32(&frame, 20)) {
                break;
            }
            uncommitted.insert(be32(&frame, 0), at + FRAME_HEADER as u64);
            let is_commit = be32(&frame, 4) != 0;
            if is_commit {
                places.append(&mut uncommitted);
            }
            at += (FRAME_HEADER + page_size) as u64;
        }
        let budget = 2 * places.len() as u64;
        Ok(Self { blocks, page_size, places, budget })
    }

    /// Where the table `Packages` begins, where the log has the schema, as after creating the database.
    fn root(&mut self) -> Option<u32> {
        let page = self.at(*self.places.get(&1)?).ok()?;
        let (kind, cells, places) = shape(1, &page);
        if kind != LEAF {
            return None;
        }
        (0..cells).find_map(|index| {
            let row = cell(&page, places, index).and_then(|at| Row::read(self, &page, at)).ok()?;
            let is_it = row.text(0) == Some(b"table") && row.text(1) == Some(b"Packages");
            row.number(3).filter(|_| is_it).and_then(|root| u32::try_from(root).ok())
        })
    }

    fn at(&mut self, place: u64) -> io::Result<Vec<u8>> {
        self.blocks.at(place, self.page_size)
    }
}

impl Pages for Log<'_, '_> {
    fn page(&mut self, number: u32) -> io::Result<Vec<u8>> {
        let place = *self.places.get(&number).ok_or_else(|| corrupt("a page is not in the log"))?;
        self.budget = self.budget.checked_sub(1).ok_or_else(|| corrupt("its pages lead round in a circle"))?;
        self.at(place)
    }

    fn usable(&self) -> usize {
        // rpm reserves nothing.
        self.page_size
    }
}

/// "Checksum Algorithm".
struct Checksum {
    big_endian: bool,
    words: (u32, u32),
}

impl Checksum {
    fn add(&mut self, bytes: &[u8]) {
        let word = |bytes: &[u8]| {
            let word = be32(bytes, 0);
            if self.big_endian { word } else { word.swap_bytes() }
        };
        let (mut first, mut second) = self.words;
        for pair in bytes.chunks_exact(8) {
            first = first.wrapping_add(word(pair)).wrapping_add(second);
            second = second.wrapping_add(word(&pair[4..])).wrapping_add(first);
        }
        self.words = (first, second);
    }
}
