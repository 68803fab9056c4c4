//! Zip archives, read at random (PKWARE APPNOTE 6.3.10): jar, war, egg and their kin.
//!
//! The directory at an archive's end is read entry by entry and never held, so that memory does not grow with its
//! entries; what an entry claims (its size, where it lies) is believed only as far as bytes are there. Archives inside
//! archives are read in place where they are stored, and by [`nested`] where they are deflated. Checksums are not
//! compared: what the archive's own reader would refuse is of no less interest here. Encrypted entries, other methods
//! than deflate, and archives in several files are not read.

mod directory;
mod nested;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use flate2::bufread::DeflateDecoder;

pub(super) use directory::{Archive, Entry};
pub(super) use nested::Nested;

use super::Content;

/// How much of archives may be read of one file, whatever is nested in it. Shared by all that read from it.
#[derive(Debug)]
pub(super) struct Budget {
    /// Bytes that may still be inflated, the discarded ones included.
    inflated: Cell<u64>,
    /// Entries that may still be looked at.
    entries: Cell<u64>,
}

impl Default for Budget {
    /// Some five seconds of one core. The largest application that was seen (an ear of 600 MB) takes a quarter.
    fn default() -> Self {
        Self { inflated: Cell::new(2 << 30), entries: Cell::new(2_000_000) }
    }
}

impl Budget {
    #[cfg(test)]
    pub(super) fn new(inflated: u64, entries: u64) -> Self {
        Self { inflated: Cell::new(inflated), entries: Cell::new(entries) }
    }

    /// Whether nothing more may be read.
    pub(super) fn is_spent(&self) -> bool {
        self.inflated.get() == 0 || self.entries.get() == 0
    }

    fn inflate(&self, bytes: u64) -> io::Result<()> {
        let left = self.inflated.get().checked_sub(bytes);
        self.inflated.set(left.unwrap_or(0));
        left.map(drop).ok_or_else(|| io::Error::other("it inflates to more than may be read of one file"))
    }

    fn look_at_entry(&self) -> io::Result<()> {
        let left = self.entries.get().checked_sub(1);
        self.entries.set(left.unwrap_or(0));
        left.map(drop).ok_or_else(|| io::Error::other("it has more entries than are looked at of one file"))
    }
}

/// A part of some content.
pub(super) struct Section<'a> {
    content: &'a mut dyn Content,
    start: u64,
    length: u64,
    position: u64,
}

impl<'a> Section<'a> {
    pub(super) fn new(content: &'a mut dyn Content, start: u64, length: u64) -> io::Result<Self> {
        content.seek(SeekFrom::Start(start))?;
        Ok(Self { content, start, length, position: 0 })
    }
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(self.position).min(buffer.len() as u64) as usize;
        let read = self.content.read(&mut buffer[..left])?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Section<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        let position = position.ok_or(io::ErrorKind::InvalidInput)?;
        let at = self.start.checked_add(position).ok_or(io::ErrorKind::InvalidInput)?;
        self.content.seek(SeekFrom::Start(at))?;
        self.position = position;
        Ok(position)
    }
}

/// Inflates deflated bytes, or hands on stored ones, and counts what comes out.
struct Inflating<'a> {
    source: Source<'a>,
    budget: &'a Budget,
}

enum Source<'a> {
    Stored(Section<'a>),
    Deflated(DeflateDecoder<BufReader<Section<'a>>>),
}

impl Read for Inflating<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.source {
            Source::Stored(section) => section.read(buffer)?,
            Source::Deflated(decoder) => decoder.read(buffer)?,
        };
        self.budget.inflate(read as u64)?;
        Ok(read)
    }
}

/// Reads all of an entry; an error where it has more than `limit` bytes.
pub(super) fn read_whole(reader: &mut dyn Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("it has more than the {limit} bytes that such a file may have")));
    }
    Ok(bytes)
}
