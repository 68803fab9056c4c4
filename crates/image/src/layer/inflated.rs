//! A layer's tar as a stream, with both digests.

use std::io::{self, BufRead, Read};

use super::gzip::Gzip;
use super::hashing::{Block, Blocks, Side};
use super::input::Input;
use super::zstd::Zstd;
use super::{Compression, LayerError, Limits};
use crate::Digest;

/// The tar inside a layer's blob, decompressed while it is read.
///
/// Nothing that was read is verified before [`Inflated::finish`] gave the digests and the caller compared them.
pub struct Inflated<R> {
    input: Input<R>,
    decoder: Decoder,
    blocks: Blocks,
    /// The decompressed block that is being read; plain tars are read from the input's own.
    block: Option<Block>,
    position: usize,
    /// Bytes of the decompressed blocks before this one.
    before: u64,
    limit: u64,
}

enum Decoder {
    Plain,
    Gzip(Box<Gzip>),
    Zstd(Box<Zstd>),
}

/// What is known of a layer's bytes when all have been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    /// The digest of the bytes as they came.
    pub blob: Digest,
    /// Their number.
    pub blob_size: u64,
    /// The digest of the tar.
    pub diff_id: Digest,
    /// Its bytes.
    pub uncompressed_size: u64,
    /// How it was compressed.
    pub compression: Compression,
}

impl<R: Read> Inflated<R> {
    /// Reads the first block of `input` and tells from it how the layer is compressed.
    pub fn new(input: R, limits: &Limits) -> Result<Self, LayerError> {
        Self::with_blocks(input, limits, Blocks::hashed().map_err(LayerError::Io)?)
    }

    /// Without digests, for what is not named by one.
    pub(crate) fn unhashed(input: R, limits: &Limits) -> Result<Self, LayerError> {
        Self::with_blocks(input, limits, Blocks::unhashed())
    }

    fn with_blocks(input: R, limits: &Limits, mut blocks: Blocks) -> Result<Self, LayerError> {
        let limit = limits.uncompressed_bytes;
        let mut input = Input::new(input, limit);
        let decoder = match Compression::of(input.chunk(&mut blocks)?)? {
            Compression::None => Decoder::Plain,
            Compression::Gzip => Decoder::Gzip(Box::new(Gzip::new())),
            Compression::Zstd => Decoder::Zstd(Box::new(Zstd::new())),
        };
        Ok(Self { input, decoder, blocks, block: None, position: 0, before: 0, limit })
    }

    /// How the layer is compressed.
    pub fn compression(&self) -> Compression {
        match self.decoder {
            Decoder::Plain => Compression::None,
            Decoder::Gzip(_) => Compression::Gzip,
            Decoder::Zstd(_) => Compression::Zstd,
        }
    }

    /// Bytes of the blob that were used so far, for progress.
    pub fn blob_offset(&self) -> u64 {
        self.input.offset()
    }

    /// Reads what is left and gives the digests of the whole.
    pub fn finish(mut self) -> Result<Digests, LayerError> {
        self.drain()?;
        let (blob_size, uncompressed_size) = (self.input.offset(), self.offset());
        let compression = self.compression();
        let Some([blob, tar]) = self.blocks.finish()? else {
            return Err(LayerError::Io(io::Error::other("the layer was read without computing its digests")));
        };
        let diff_id = if compression == Compression::None { blob.clone() } else { tar };
        Ok(Digests { blob, blob_size, diff_id, uncompressed_size, compression })
    }

    /// What is left of the present block, or the next; empty at the end.
    pub(crate) fn chunk(&mut self) -> Result<&[u8], LayerError> {
        if matches!(self.decoder, Decoder::Plain) {
            return self.input.chunk(&mut self.blocks);
        }
        if self.block.as_ref().is_none_or(|block| self.position >= block.filled().len()) {
            self.next_block()?;
        }
        Ok(self.block.as_ref().and_then(|block| block.filled().get(self.position..)).unwrap_or_default())
    }

    pub(crate) fn advance(&mut self, bytes: usize) {
        match self.decoder {
            Decoder::Plain => self.input.advance(bytes),
            _ => self.position += bytes,
        }
    }

    /// Bytes of the tar that were used so far.
    pub(super) fn offset(&self) -> u64 {
        match self.decoder {
            Decoder::Plain => self.input.offset(),
            _ => self.before + self.position as u64,
        }
    }

    fn drain(&mut self) -> Result<(), LayerError> {
        loop {
            let bytes = self.chunk()?.len();
            if bytes == 0 {
                break;
            }
            self.advance(bytes);
        }
        self.release()?;
        self.input.drain(&mut self.blocks)
    }

    fn release(&mut self) -> Result<(), LayerError> {
        if let Some(block) = self.block.take() {
            self.before += block.filled().len() as u64;
            self.position = 0;
            self.blocks.give_back(Side::Tar, block)?;
        }
        Ok(())
    }

    fn next_block(&mut self) -> Result<(), LayerError> {
        self.release()?;
        let mut block = self.blocks.take()?;
        let space = block.space();
        let filled = match &mut self.decoder {
            Decoder::Plain => 0,
            Decoder::Gzip(gzip) => gzip.fill(&mut self.input, &mut self.blocks, space)?,
            Decoder::Zstd(zstd) => zstd.fill(&mut self.input, &mut self.blocks, space)?,
        };
        block.set_filled(filled);
        self.block = Some(block);
        if self.before + filled as u64 > self.limit {
            return Err(LayerError::TooLarge { limit: self.limit });
        }
        Ok(())
    }
}

impl<R: Read> BufRead for Inflated<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.chunk().map_err(LayerError::into_io)
    }

    fn consume(&mut self, bytes: usize) {
        self.advance(bytes);
    }
}

impl<R: Read> Read for Inflated<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let chunk = self.fill_buf()?;
        let bytes = chunk.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..bytes), chunk.get(..bytes)) {
            to.copy_from_slice(from);
        }
        self.advance(bytes);
        Ok(bytes)
    }
}
