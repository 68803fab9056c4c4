//! The table of strings while it grows.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::io;

use super::format::Text;

/// Every text once.
#[derive(Default)]
pub(super) struct Strings {
    pub(super) bytes: Vec<u8>,
    /// By hash, so that no text is held twice; where another text has the hash already, by the next number that is free.
    /// The hash has a secret: nobody can choose texts that make this slow.
    known: HashMap<u64, Text>,
    hasher: RandomState,
}

impl Strings {
    /// The place of a text, which is kept if it is new.
    pub(super) fn intern(&mut self, text: &str) -> io::Result<Text> {
        let mut key = self.hasher.hash_one(text);
        while let Some(known) = self.known.get(&key) {
            if self.get(*known) == text {
                return Ok(*known);
            }
            key = key.wrapping_add(1);
        }
        let offset = u32::try_from(self.bytes.len()).map_err(|_| full("text"))?;
        let length = u32::try_from(text.len()).map_err(|_| full("text"))?;
        let place = Text { offset: offset.into(), length: length.into() };
        self.bytes.extend_from_slice(text.as_bytes());
        self.known.insert(key, place);
        Ok(place)
    }

    /// The text at a place that [`Self::intern`] gave.
    pub(super) fn get(&self, text: Text) -> &str {
        let begin = text.offset.get() as usize;
        std::str::from_utf8(&self.bytes[begin..begin + text.length.get() as usize]).unwrap_or_default()
    }

    /// Forgets what only interning needs: the bytes are all that is left.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// A table that cannot grow any more.
pub(super) fn full(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, what.to_owned())
}
