//! Zstandard (RFC 8878): frames one after another, skippable frames skipped (the zstd:chunked format keeps its table
//! of contents in them), content checksums compared.

use std::io::Read;

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::LayerError;
use super::hashing::Blocks;
use super::input::Input;

/// The largest window that the `zstd` command decompresses without being asked to, and that image builders write at
/// their strongest levels. The decoder keeps one window in memory.
const WINDOW_BYTES: u64 = 128 << 20;

/// Decompresses a zstd stream.
pub(super) struct Zstd {
    decoder: FrameDecoder,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Between,
    Frame,
    End,
}

impl Zstd {
    pub(super) fn new() -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW_BYTES);
        Self { decoder, state: State::Between }
    }

    /// Decompresses into `space` until it is full or the stream ends; 0 at the end.
    pub(super) fn fill<R: Read>(
        &mut self,
        input: &mut Input<R>,
        blocks: &mut Blocks,
        space: &mut [u8],
    ) -> Result<usize, LayerError> {
        let mut filled = 0;
        loop {
            match self.state {
                State::End => return Ok(filled),
                State::Between => self.next_frame(input, blocks)?,
                State::Frame => {
                    let Some(rest) = space.get_mut(filled..).filter(|rest| !rest.is_empty()) else {
                        return Ok(filled);
                    };
                    // Reading from the decoder only empties its buffer and cannot fail.
                    let made = self.decoder.read(rest).map_err(LayerError::Io)?;
                    filled += made;
                    if made == 0 && self.decoder.is_finished() {
                        self.end_frame(input)?;
                    } else if made == 0 {
                        let one = BlockDecodingStrategy::UptoBlocks(1);
                        self.decoder
                            .decode_blocks(input.reader(blocks), one)
                            .map_err(|error| failure(input, &error))?;
                    }
                }
            }
        }
    }

    fn next_frame<R: Read>(&mut self, input: &mut Input<R>, blocks: &mut Blocks) -> Result<(), LayerError> {
        if input.chunk(blocks)?.is_empty() {
            self.state = State::End;
            return Ok(());
        }
        match self.decoder.reset(input.reader(blocks)) {
            Ok(()) => {
                self.state = State::Frame;
                Ok(())
            }
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                skip(input, blocks, u64::from(length))
            }
            Err(error) => Err(failure(input, &error)),
        }
    }

    fn end_frame<R: Read>(&mut self, input: &Input<R>) -> Result<(), LayerError> {
        self.state = State::Between;
        let promised = self.decoder.get_checksum_from_data();
        if promised.is_some() && promised != self.decoder.get_calculated_checksum() {
            return Err(corrupt("the checksum of a zstd frame does not match its content", input.offset()));
        }
        Ok(())
    }
}

fn skip<R: Read>(input: &mut Input<R>, blocks: &mut Blocks, mut left: u64) -> Result<(), LayerError> {
    while left > 0 {
        let available = input.chunk(blocks)?.len();
        if available == 0 {
            return Err(truncated(input));
        }
        let step = available.min(usize::try_from(left).unwrap_or(usize::MAX));
        input.advance(step);
        left -= step as u64;
    }
    Ok(())
}

/// What a decoder's error means: the reader failed, the stream ended, or the bytes are wrong.
fn failure<R: Read>(input: &mut Input<R>, error: &FrameDecoderError) -> LayerError {
    if let Some(failure) = input.take_failure() {
        return failure;
    }
    if let FrameDecoderError::WindowSizeTooBig { requested, .. } = error {
        return LayerError::Unsupported {
            reason: format!(
                "its zstd stream asks for a window of {requested} bytes, {WINDOW_BYTES} are given at most; \
                 compress it again without --long or --ultra"
            ),
        };
    }
    if input.ended() && input.rest().is_empty() {
        return truncated(input);
    }
    corrupt(&format!("the zstd stream is invalid ({error})"), input.offset())
}

fn truncated<R: Read>(input: &Input<R>) -> LayerError {
    LayerError::Truncated { place: "the zstd stream".into(), offset: input.offset() }
}

fn corrupt(reason: &str, offset: u64) -> LayerError {
    LayerError::Corrupt { reason: reason.to_owned(), offset, stream: "the compressed data" }
}
