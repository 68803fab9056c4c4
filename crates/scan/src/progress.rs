//! How far a scan is.

use std::io::{self, Read};
use std::sync::Arc;

/// Who is told how far a scan is. All calls may come from several threads.
pub trait Progress: Send + Sync {
    /// A layer's record is known already.
    fn known(&self, _layer: usize) {}
    /// A layer is being read; `bytes` is its stored size.
    fn started(&self, _layer: usize, _bytes: u64) {}
    /// So many more stored bytes of it were read.
    fn advanced(&self, _layer: usize, _bytes: u64) {}
    /// It was read to its end.
    fn finished(&self, _layer: usize) {}
}

/// Tells nobody.
#[derive(Debug)]
pub struct Silent;

impl Progress for Silent {}

/// A layer's bytes on their way to the walk, counted.
pub(crate) struct Counted {
    pub(crate) input: Box<dyn Read + Send>,
    pub(crate) layer: usize,
    pub(crate) progress: Arc<dyn Progress>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.progress.advanced(self.layer, count as u64);
        Ok(count)
    }
}
