//! Parts of a file that is shared by several readers, and a tar in one, whose contents need not be read.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::LayerError;
use super::tar::Stream;

/// A part of a file, read by offset, so that several readers share one descriptor.
#[derive(Clone, Debug)]
pub struct Window {
    file: Arc<File>,
    position: u64,
    end: u64,
}

impl Window {
    /// `size` bytes of the file from `offset` on.
    pub fn new(file: Arc<File>, offset: u64, size: u64) -> Self {
        Self { file, position: offset, end: offset.saturating_add(size) }
    }

    /// Bytes that are left to read.
    pub fn left(&self) -> u64 {
        self.end - self.position
    }

    /// The first bytes of what is left; fewer than asked for where there are no more.
    pub(super) fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(usize::try_from(self.left()).unwrap_or(usize::MAX));
        let mut filled = 0;
        while filled < wanted {
            let rest = buffer.get_mut(filled..wanted).unwrap_or_default();
            match self.file.read_at(rest, self.position + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

impl Read for Window {
    /// A file that ends before the window does was cut short while it was read.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(usize::try_from(self.left()).unwrap_or(usize::MAX));
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

/// A window as the stream of a tar, whose contents are skipped without reading them.
pub(crate) struct Seeking {
    window: Window,
    start: u64,
    buffer: Box<[u8; HEADER_CHUNK]>,
    /// The part of the buffer that was not used yet.
    used: usize,
    filled: usize,
}

impl Seeking {
    pub(crate) fn new(window: Window) -> Self {
        let start = window.position;
        Self { window, start, buffer: Box::new([0; HEADER_CHUNK]), used: 0, filled: 0 }
    }
}

impl Stream for Seeking {
    fn chunk(&mut self) -> Result<&[u8], LayerError> {
        if self.used >= self.filled {
            let filled = self.window.peek(self.buffer.as_mut_slice()).map_err(LayerError::Io)?;
            (self.used, self.filled) = (0, filled);
        }
        Ok(self.buffer.get(self.used..self.filled).unwrap_or_default())
    }

    fn advance(&mut self, bytes: usize) {
        self.used += bytes;
        self.window.position += bytes as u64;
    }

    fn offset(&self) -> u64 {
        self.window.position - self.start
    }

    fn skip(&mut self, bytes: u64) -> Result<u64, LayerError> {
        let skipped = bytes.min(self.window.left());
        self.window.position += skipped;
        self.used =
            usize::try_from(skipped).map_or(self.filled, |skipped| self.used.saturating_add(skipped).min(self.filled));
        Ok(skipped)
    }
}
