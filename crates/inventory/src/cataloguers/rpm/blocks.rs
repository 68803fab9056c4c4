//! Reading at places in a file, with an error that says where for everything that leads outside.

use std::io::{self, SeekFrom};

use super::super::Content;

/// A file that is read at places, not from its start to its end.
pub(super) struct Blocks<'a> {
    content: &'a mut dyn Content,
    size: u64,
}

impl<'a> Blocks<'a> {
    /// A file of `size` bytes.
    pub(super) fn new(content: &'a mut dyn Content, size: u64) -> Self {
        Self { content, size }
    }

    /// The file's size in bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// `length` bytes at `offset`.
    pub(super) fn at(&mut self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        if offset.checked_add(length as u64).is_none_or(|end| end > self.size) {
            return Err(corrupt(format!("{length} bytes at {offset} are outside of its {} bytes", self.size)));
        }
        self.content.seek(SeekFrom::Start(offset))?;
        let mut bytes = vec![0; length];
        self.content.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// An error that says what is wrong with the file.
pub(super) fn corrupt(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.into())
}

/// The big-endian number at `offset`; 0 where the bytes end before it.
pub(super) fn be32(bytes: &[u8], offset: usize) -> u32 {
    number(bytes, offset).map_or(0, u32::from_be_bytes)
}

/// The little-endian number at `offset`; 0 where the bytes end before it.
pub(super) fn le32(bytes: &[u8], offset: usize) -> u32 {
    number(bytes, offset).map_or(0, u32::from_le_bytes)
}

fn number(bytes: &[u8], offset: usize) -> Option<[u8; 4]> {
    bytes.get(offset..offset.checked_add(4)?)?.try_into().ok()
}
