//! One file of a layer, as a cataloguer gets it.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

/// What a member's bytes are read from: memory or the worker's one file.
pub trait Content: Read + Seek {}

impl<T: Read + Seek> Content for T {}

/// Where a seek leads in content of `size` bytes that stands at `position`; past the end is allowed, before the start not.
pub(crate) fn sought(to: SeekFrom, size: u64, position: u64) -> io::Result<u64> {
    let sought = match to {
        SeekFrom::Start(from_start) => Some(from_start),
        SeekFrom::End(offset) => size.checked_add_signed(offset),
        SeekFrom::Current(offset) => position.checked_add_signed(offset),
    };
    sought.ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

/// A file of a layer and its bytes.
pub struct Member<'a> {
    /// Its path, relative to the image's root.
    pub path: &'a str,
    /// Its bytes' number.
    pub size: u64,
    content: &'a mut dyn Content,
}

impl<'a> Member<'a> {
    /// A member whose bytes are `content` from its start on.
    pub fn new(path: &'a str, size: u64, content: &'a mut dyn Content) -> Self {
        Self { path, size, content }
    }

    /// The last part of its path.
    pub fn name(&self) -> &str {
        self.path.rsplit_once('/').map_or(self.path, |(_, name)| name)
    }

    /// Its bytes, for a format that is read at random.
    pub(super) fn content(&mut self) -> &mut dyn Content {
        &mut *self.content
    }

    /// Its bytes as a buffered stream, for a format that is read line by line.
    pub fn lines(&mut self) -> impl BufRead + '_ {
        BufReader::with_capacity(16 << 10, &mut self.content)
    }

    /// All its bytes, for a format that cannot be read otherwise; an error where there are more than `limit`.
    pub fn bytes(&mut self, limit: u64) -> io::Result<Vec<u8>> {
        let too_large = || io::Error::other(format!("it has more than the {limit} bytes that such a file may have"));
        if self.size > limit {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        self.content.take(limit + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit { Err(too_large()) } else { Ok(bytes) }
    }
}
