//! Gzip (RFC 1952) as `gzip -d` reads it: members one after another, anything else behind the last one ignored.

use std::io::Read;

use flate2::{Decompress, FlushDecompress, Status};

use super::LayerError;
use super::hashing::Blocks;
use super::input::Input;

const MAGIC: [u8; 2] = [0x1f, 0x8b];
const WINDOW_BITS: u8 = 15;

/// Inflates a gzip stream.
pub(super) struct Gzip {
    stream: Decompress,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Member,
    /// Behind a member: another begins, or the rest is padding.
    Between,
    End,
}

impl Gzip {
    pub(super) fn new() -> Self {
        Self { stream: Decompress::new_gzip(WINDOW_BITS), state: State::Member }
    }

    /// Inflates into `space` until it is full or the stream ends; 0 at the end.
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
                State::Between => self.next_member(input, blocks)?,
                State::Member => {
                    let Some(rest) = space.get_mut(filled..).filter(|rest| !rest.is_empty()) else {
                        return Ok(filled);
                    };
                    filled += self.inflate(input, blocks, rest)?;
                }
            }
        }
    }

    fn inflate<R: Read>(
        &mut self,
        input: &mut Input<R>,
        blocks: &mut Blocks,
        space: &mut [u8],
    ) -> Result<usize, LayerError> {
        let chunk = input.chunk(blocks)?;
        let (read_before, made_before) = (self.stream.total_in(), self.stream.total_out());
        let available = chunk.len();
        let result = self.stream.decompress(chunk, space, FlushDecompress::None);
        let read = (self.stream.total_in() - read_before) as usize;
        let made = (self.stream.total_out() - made_before) as usize;
        input.advance(read);
        match result {
            Ok(Status::StreamEnd) => self.state = State::Between,
            Ok(Status::Ok | Status::BufError) if read > 0 || made > 0 => {}
            Ok(Status::Ok | Status::BufError) if available == 0 => {
                return Err(LayerError::Truncated { place: "the gzip stream".into(), offset: input.offset() });
            }
            Ok(Status::Ok | Status::BufError) => return Err(corrupt("the gzip stream does not go on", input.offset())),
            Err(error) => {
                let reason = error.message().unwrap_or("invalid data");
                return Err(corrupt(&format!("the gzip stream is invalid ({reason})"), input.offset()));
            }
        }
        Ok(made)
    }

    /// Begins the next member where there is one, else ends. The two bytes that tell may lie in two blocks, so the
    /// first is fed to the decoder by itself.
    fn next_member<R: Read>(&mut self, input: &mut Input<R>, blocks: &mut Blocks) -> Result<(), LayerError> {
        self.state = State::End;
        let [first, second] = MAGIC;
        if input.chunk(blocks)?.first() == Some(&first) {
            input.advance(1);
            if input.chunk(blocks)?.first() == Some(&second) {
                self.stream.reset(true);
                let mut nothing = [0; 1];
                self.stream
                    .decompress(&[first], &mut nothing, FlushDecompress::None)
                    .map_err(|_| corrupt("a gzip member cannot begin", input.offset()))?;
                self.state = State::Member;
                return Ok(());
            }
        }
        input.drain(blocks)
    }
}

fn corrupt(reason: &str, offset: u64) -> LayerError {
    LayerError::Corrupt { reason: reason.to_owned(), offset, stream: "the compressed data" }
}
