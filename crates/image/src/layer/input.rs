//! The stored bytes of a layer, in blocks.

use std::io::{self, Read};

use super::LayerError;
use super::hashing::{Block, Blocks, Side};

/// Reads a layer's blob block by block and hands each on for hashing when it is used up.
pub(super) struct Input<R> {
    reader: R,
    block: Option<Block>,
    position: usize,
    /// Bytes of the blocks before this one.
    before: u64,
    limit: u64,
    ended: bool,
    /// What went wrong while a decoder read through [`InputReader`], whose error type hides it.
    failure: Option<LayerError>,
}

impl<R: Read> Input<R> {
    /// `limit` is the most bytes that are read.
    pub(super) fn new(reader: R, limit: u64) -> Self {
        Self { reader, block: None, position: 0, before: 0, limit, ended: false, failure: None }
    }

    /// What is left of the present block, or the next one; empty at the end.
    pub(super) fn chunk(&mut self, blocks: &mut Blocks) -> Result<&[u8], LayerError> {
        let used_up = self.block.as_ref().is_none_or(|block| self.position >= block.filled().len());
        if used_up && !self.ended {
            self.next_block(blocks)?;
        }
        Ok(self.rest())
    }

    /// What is left of the present block.
    pub(super) fn rest(&self) -> &[u8] {
        self.block.as_ref().and_then(|block| block.filled().get(self.position..)).unwrap_or_default()
    }

    pub(super) fn advance(&mut self, bytes: usize) {
        self.position += bytes;
    }

    /// Bytes that were used so far.
    pub(super) fn offset(&self) -> u64 {
        self.before + self.position as u64
    }

    /// Whether the reader has no more bytes than those in the present block.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Uses up all that is left, so that the blob's digest covers it.
    pub(super) fn drain(&mut self, blocks: &mut Blocks) -> Result<(), LayerError> {
        loop {
            let bytes = self.chunk(blocks)?.len();
            if bytes == 0 {
                break;
            }
            self.advance(bytes);
        }
        self.release(blocks)
    }

    /// For decoders that want a [`Read`].
    pub(super) fn reader<'a>(&'a mut self, blocks: &'a mut Blocks) -> InputReader<'a, R> {
        InputReader { input: self, blocks }
    }

    /// The failure that a decoder saw as an I/O error.
    pub(super) fn take_failure(&mut self) -> Option<LayerError> {
        self.failure.take()
    }

    fn release(&mut self, blocks: &mut Blocks) -> Result<(), LayerError> {
        if let Some(block) = self.block.take() {
            self.before += block.filled().len() as u64;
            self.position = 0;
            blocks.give_back(Side::Blob, block)?;
        }
        Ok(())
    }

    /// Fills a whole block where there are bytes enough, so that short reads from a network cost no more than long
    /// ones from a file.
    fn next_block(&mut self, blocks: &mut Blocks) -> Result<(), LayerError> {
        self.release(blocks)?;
        let mut block = blocks.take()?;
        let space = block.space();
        let mut filled = 0;
        while let Some(rest) = space.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.reader.read(rest) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(bytes) => filled += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(LayerError::Io(error)),
            }
        }
        block.set_filled(filled);
        self.block = Some(block);
        if self.before + filled as u64 > self.limit {
            return Err(LayerError::TooLarge { limit: self.limit });
        }
        Ok(())
    }
}

/// An [`Input`] as a [`Read`].
pub(super) struct InputReader<'a, R> {
    input: &'a mut Input<R>,
    blocks: &'a mut Blocks,
}

impl<R: Read> Read for InputReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.input.chunk(self.blocks) {
            Ok(chunk) => {
                let bytes = chunk.len().min(buffer.len());
                if let (Some(to), Some(from)) = (buffer.get_mut(..bytes), chunk.get(..bytes)) {
                    to.copy_from_slice(from);
                }
                self.input.advance(bytes);
                Ok(bytes)
            }
            Err(error) => {
                self.input.failure = Some(error);
                Err(io::Error::other("the layer's bytes could not be read"))
            }
        }
    }
}
