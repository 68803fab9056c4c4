//! The unlinked file through which large members go.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Bytes that are written at once.
const CHUNK: usize = 64 << 10;

/// The file of one layer, made when first needed. What a worker still reads lies before `end`.
#[derive(Debug, Default)]
pub(super) struct Spool {
    file: Option<Arc<File>>,
    end: u64,
}

/// A place in the file for one member that is not asked about yet, or never. Bytes that were not written are zeros.
#[derive(Debug)]
pub(crate) struct Room {
    file: Arc<File>,
    pub(super) offset: u64,
    pub(super) size: u64,
}

impl Spool {
    /// The file, unlinked from the first moment where the file system can do that.
    pub(super) fn file(&mut self) -> io::Result<Arc<File>> {
        if let Some(file) = &self.file {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(tempfile::tempfile()?);
        self.file = Some(Arc::clone(&file));
        Ok(file)
    }

    /// Room for a member behind those that the worker still reads. What was given out before and not kept is lost.
    pub(super) fn room(&mut self, size: u64) -> io::Result<Room> {
        let file = self.file()?;
        // What a member that told nothing left there must not show through the holes of this one.
        file.set_len(self.end)?;
        Ok(Room { file, offset: self.end, size })
    }

    /// The member in this room is asked about.
    pub(super) fn keep(&mut self, room: &Room) -> io::Result<()> {
        self.end = room.offset + room.size;
        room.file.set_len(self.end)
    }

    /// Whether another member of `size` bytes fits beside those that are still read.
    pub(super) fn has_room(&self, size: u64, limit: u64) -> bool {
        self.end == 0 || self.end.saturating_add(size) <= limit
    }

    /// The worker has read all that is there.
    pub(super) fn clear(&mut self) {
        self.end = 0;
    }
}

impl Room {
    /// Writes a part of the member.
    pub(crate) fn write(&self, position: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.offset + position)
    }

    /// Writes the whole member. The outer error is the content's, the inner one the file's.
    pub(super) fn fill(&self, content: &mut dyn Read) -> io::Result<io::Result<()>> {
        let mut buffer = vec![0; CHUNK];
        let mut written = 0;
        while written < self.size {
            let part = (self.size - written).min(CHUNK as u64) as usize;
            content.read_exact(&mut buffer[..part])?;
            if let Err(error) = self.write(written, &buffer[..part]) {
                return Ok(Err(error));
            }
            written += part as u64;
        }
        Ok(Ok(()))
    }

    /// The member's bytes.
    pub(crate) fn bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::try_from(self.size).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut bytes, self.offset)?;
        Ok(bytes)
    }
}
