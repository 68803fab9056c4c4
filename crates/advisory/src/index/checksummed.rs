//! A segment on its way to a file: checksums of its blocks and the digest of it all are counted as it passes.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use image::digest::{Algorithm, Digester};

use super::format::BLOCK;

/// Counts checksums and digest of what is written through it.
pub(super) struct Checksummed {
    out: BufWriter<File>,
    digester: Digester,
    block: crc32fast::Hasher,
    in_block: u64,
    checksums: Vec<u8>,
}

impl Checksummed {
    pub(super) fn new(file: File) -> Self {
        Self {
            out: BufWriter::with_capacity(1 << 18, file),
            digester: Digester::new(Algorithm::Sha256),
            block: crc32fast::Hasher::new(),
            in_block: 0,
            checksums: Vec::new(),
        }
    }

    fn end_block(&mut self) {
        let block = std::mem::take(&mut self.block);
        self.checksums.extend_from_slice(&block.finalize().to_le_bytes());
        self.in_block = 0;
    }

    /// The file, the checksums as they lie behind the segment, and the digest.
    pub(super) fn finish(mut self) -> io::Result<(File, Vec<u8>, String)> {
        if self.in_block > 0 {
            self.end_block();
        }
        let file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok((file, self.checksums, self.digester.finish().to_string()))
    }
}

impl Write for Checksummed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let take = bytes.len().min((BLOCK - self.in_block) as usize);
        let written = self.out.write(&bytes[..take])?;
        self.block.update(&bytes[..written]);
        self.digester.update(&bytes[..written]);
        self.in_block += written as u64;
        if self.in_block == BLOCK {
            self.end_block();
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
