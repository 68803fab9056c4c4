//! Zstandard streams of one frame or several, with their checksums compared.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// Above what `zstd --long` uses unless told otherwise (27 bits), so that no honest archive is refused.
const LARGEST_WINDOW: u64 = 128 << 20;

/// Reads frame after frame.
pub(super) struct Frames<R: BufRead>(Option<StreamingDecoder<R, FrameDecoder>>);

impl<R: BufRead> Frames<R> {
    pub(super) fn new(input: R) -> io::Result<Self> {
        Ok(Self(Some(frame(input)?)))
    }
}

fn frame<R: BufRead>(input: R) -> io::Result<StreamingDecoder<R, FrameDecoder>> {
    StreamingDecoder::new_with_max_window_size(input, LARGEST_WINDOW).map_err(io::Error::other)
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while let Some(decoder) = &mut self.0 {
            let read = decoder.read(buffer)?;
            if read > 0 {
                return Ok(read);
            }
            let wanted = decoder.decoder.get_checksum_from_data();
            if wanted.is_some() && wanted != decoder.decoder.get_calculated_checksum() {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the content does not match its checksum"));
            }
            let Some(decoder) = self.0.take() else { break };
            let mut input = decoder.into_inner();
            if !input.fill_buf()?.is_empty() {
                self.0 = Some(frame(input)?);
            }
        }
        Ok(0)
    }
}
