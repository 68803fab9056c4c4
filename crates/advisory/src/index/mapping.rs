//! The file in memory.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};

use super::format::BLOCK;

/// A file mapped for reading.
#[derive(Debug)]
pub(super) struct Mapping(memmap2::Mmap);

impl Mapping {
    pub(super) fn of(file: &File) -> io::Result<Self> {
        // SAFETY: a mapping is sound while nobody changes the file's bytes or length under it. An index is never
        // written to once it has its name: a new one is written to another file that is renamed over it, which leaves
        // this mapping's file alone. The folder belongs to the user that this process runs as, so nobody else could,
        // and whatever bytes there are, they are only ever read as plain integers and checked text.
        #[allow(unsafe_code)]
        let map = unsafe { memmap2::Mmap::map(file) }?;
        Ok(Self(map))
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// A part of the mapping whose bytes are checked against its checksums, each block when it is first read.
#[derive(Debug)]
pub(super) struct Blocks {
    begin: usize,
    length: usize,
    /// A bit for each block that was found good.
    good: Box<[AtomicU64]>,
}

/// The bytes are not those that were written, or not there.
#[derive(Debug)]
pub(crate) struct Damage(pub(crate) &'static str);

impl Blocks {
    /// `length` bytes at `begin`, with their checksums right behind them; both must lie within the mapping.
    pub(super) fn at(map: &[u8], begin: u64, length: u64) -> Result<Self, Damage> {
        let outside = || Damage("a segment lies outside the file");
        let blocks = length.div_ceil(BLOCK);
        let end = begin.checked_add(length).and_then(|end| end.checked_add(blocks * 4)).ok_or_else(outside)?;
        if end > map.len() as u64 {
            return Err(outside());
        }
        let words = blocks.div_ceil(64) as usize;
        let good = std::iter::repeat_with(AtomicU64::default).take(words).collect();
        Ok(Self { begin: begin as usize, length: length as usize, good })
    }

    /// Bytes of it, checked.
    pub(super) fn read<'a>(&self, map: &'a [u8], offset: u64, length: u64) -> Result<&'a [u8], Damage> {
        let end = offset.checked_add(length).filter(|end| *end <= self.length as u64);
        let end = end.ok_or(Damage("a place outside its segment is named"))?;
        if length == 0 {
            return Ok(&[]);
        }
        for block in offset / BLOCK..=(end - 1) / BLOCK {
            self.check(map, block)?;
        }
        map.get(self.begin + offset as usize..self.begin + end as usize).ok_or(Damage("the file is too short"))
    }

    /// Checks every block.
    pub(super) fn check_all(&self, map: &[u8]) -> Result<(), Damage> {
        (0..(self.length as u64).div_ceil(BLOCK)).try_for_each(|block| self.check(map, block))
    }

    fn check(&self, map: &[u8], block: u64) -> Result<(), Damage> {
        let (word, bit) = ((block / 64) as usize, 1 << (block % 64));
        if self.good[word].load(Ordering::Relaxed) & bit != 0 {
            return Ok(());
        }
        let begin = (block * BLOCK) as usize;
        let end = (begin + BLOCK as usize).min(self.length);
        let bytes = map.get(self.begin + begin..self.begin + end);
        let place = self.begin + self.length + block as usize * 4;
        let expected = map.get(place..place + 4).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
        match (bytes, expected) {
            (Some(bytes), Some(expected)) if crc32fast::hash(bytes) == u32::from_le_bytes(expected) => {
                self.good[word].fetch_or(bit, Ordering::Relaxed);
                Ok(())
            }
            _ => Err(Damage("a block does not match its checksum")),
        }
    }
}
