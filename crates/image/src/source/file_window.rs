//! Parts of a file that is shared by several readers.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::layer::LayerError;
use crate::layer::tar::Stream;

/// Reads a part of a file by offset, so that several readers share one descriptor.
#[derive(Debug)]
pub(super) struct FileWindow {
    file: Arc<File>,
    position: u64,
    end: u64,
}

impl FileWindow {
    pub(super) fn new(file: Arc<File>, offset: u64, size: u64) -> Self {
        Self { file, position: offset, end: offset.saturating_add(size) }
    }
}

impl Read for FileWindow {
    /// A file that ends before the window does was cut short while it was read.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(usize::try_from(self.end - self.position).unwrap_or(usize::MAX));
        let buffer = buffer.get_mut(..wanted).unwrap_or_default();
        let read = self.file.read_at(buffer, self.position)?;
        if read == 0 && wanted > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter while it was read"));
        }
        self.position += read as u64;
        Ok(read)
    }
}

/// Bytes read at once while a tar's headers are looked through; contents between them are not read.
const HEADER_CHUNK: usize = 4096;

/// A file as the stream of a tar, whose contents are skipped without reading them.
pub(super) struct FileStream {
    file: Arc<File>,
    size: u64,
    position: u64,
    buffer: Box<[u8; HEADER_CHUNK]>,
    /// The part of the buffer that was not used yet.
    start: usize,
    end: usize,
}

impl FileStream {
    pub(super) fn new(file: Arc<File>, size: u64) -> Self {
        Self { file, size, position: 0, buffer: Box::new([0; HEADER_CHUNK]), start: 0, end: 0 }
    }
}

impl Stream for FileStream {
    fn chunk(&mut self) -> Result<&[u8], LayerError> {
        while self.start >= self.end && self.position < self.size {
            match self.file.read_at(self.buffer.as_mut_slice(), self.position) {
                Ok(0) => break,
                Ok(read) => (self.start, self.end) = (0, read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(LayerError::Io(error)),
            }
        }
        Ok(self.buffer.get(self.start..self.end).unwrap_or_default())
    }

    fn advance(&mut self, bytes: usize) {
        self.start += bytes;
        self.position += bytes as u64;
    }

    fn offset(&self) -> u64 {
        self.position
    }

    fn skip(&mut self, bytes: u64) -> Result<u64, LayerError> {
        let skipped = bytes.min(self.size.saturating_sub(self.position));
        self.position += skipped;
        self.start =
            usize::try_from(skipped).map_or(self.end, |skipped| self.start.saturating_add(skipped).min(self.end));
        Ok(skipped)
    }
}
