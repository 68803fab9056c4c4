//! What goes over the two pipes: frames of a length (four bytes, little-endian) and postcard.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use super::seal::Seal;
use crate::record::{Fact, Owns, check_content_sets};

/// Raised when either side would not understand the other. Both are the same program but for an upgrade under a
/// running server.
pub const PROTOCOL: u32 = 2;

/// Largest member that is sent over the pipe and held in the worker's memory.
pub const IN_MEMORY: u64 = 8 << 20;

/// Longest request frame: a path of 4096 bytes and some numbers.
pub const REQUEST_BYTES: usize = 128 << 10;

/// The descriptor at which a worker finds the file that large members are put in.
pub const FILE_DESCRIPTOR: i32 = 3;

/// One member to read; its bytes follow the frame, or are in the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Given back in the answer; rises.
    pub ticket: u32,
    /// Places in [`crate::cataloguers::ALL`] of those that want it.
    pub readers: Vec<u8>,
    /// Its path in the layer.
    pub path: String,
    /// Its bytes' number.
    pub size: u64,
    /// Where its bytes are.
    pub carried: Carried,
}

/// Where a member's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Carried {
    /// Behind the request's frame.
    InPipe,
    /// In the file, from there on.
    InFile {
        /// The member's first byte.
        offset: u64,
    },
}

/// What a worker says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// It is sealed; the first thing that it says.
    Ready(Ready),
    /// It could not seal itself and will parse nothing; why, as a sentence.
    Refused(String),
    /// What a member told. Answers come in the order of the requests.
    Answer(Answer),
}

/// A worker that has sealed itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Its [`PROTOCOL`].
    pub protocol: u32,
    /// Its [`crate::cataloguers::VERSION`].
    pub cataloguers: u32,
    /// What holds of it.
    pub seal: Seal,
}

/// What a member told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The request's.
    pub ticket: u32,
    /// By cataloguer, in the order of the request.
    pub told: Vec<ToldTo>,
}

/// What a member told to one cataloguer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldTo {
    /// The cataloguer's place in [`crate::cataloguers::ALL`].
    pub reader: u8,
    /// Facts in the file's order.
    pub facts: Vec<Fact>,
    /// What it could not read.
    pub warnings: Vec<String>,
}

/// A frame around `message`.
pub fn frame<T: Serialize>(message: &T) -> io::Result<Vec<u8>> {
    let mut bytes = postcard::to_extend(message, vec![0; 4]).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len() - 4).map_err(io::Error::other)?;
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    Ok(bytes)
}

/// Reads one frame of at most `limit` bytes; none where the stream ends before it.
pub fn read_frame<'a, T: Deserialize<'a>>(
    reader: &mut impl Read,
    buffer: &'a mut Vec<u8>,
    limit: usize,
) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    if reader.read(&mut length[..1])? == 0 {
        return Ok(None);
    }
    reader.read_exact(&mut length[1..])?;
    let length = u32::from_le_bytes(length) as usize;
    if length > limit {
        return Err(io::Error::other(format!("a frame of {length} bytes is longer than the {limit} allowed")));
    }
    buffer.resize(length, 0);
    reader.read_exact(buffer)?;
    decode(buffer).map(Some)
}

/// Reads a frame's body, all of it.
pub fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> io::Result<T> {
    match postcard::take_from_bytes(body) {
        Ok((message, [])) => Ok(message),
        Ok((_, rest)) => Err(io::Error::other(format!("{} bytes too many in a frame", rest.len()))),
        Err(error) => Err(io::Error::other(format!("a frame that cannot be read: {error}"))),
    }
}

impl Answer {
    /// Why this cannot be the honest answer to a request with that ticket and those readers, where it cannot.
    pub fn check(&self, ticket: u32, readers: &[u8]) -> Result<(), &'static str> {
        use crate::cataloguers::Told;
        if self.ticket != ticket {
            return Err("an answer to something else than was asked");
        }
        if !self.told.iter().map(|told| told.reader).eq(readers.iter().copied()) {
            return Err("an answer of other cataloguers than were asked");
        }
        for told in &self.told {
            if told.facts.len() > Told::FACTS || told.warnings.len() > Told::WARNINGS + 1 {
                return Err("more facts or warnings than one file may tell");
            }
            for fact in &told.facts {
                match fact {
                    Fact::Package(package) => package.check()?,
                    Fact::Release(release) => release.check()?,
                    Fact::Linked(linked) => linked.check()?,
                    Fact::Licences(licences) => licences.check()?,
                    Fact::ContentSets(sets) => check_content_sets(sets)?,
                    Fact::PackageTable(table) => table.check()?,
                    Fact::Owns(owns) if owns.files.len() > Owns::FILES => return Err("a package of too many files"),
                    Fact::Owns(_) => {}
                }
            }
            // Four bytes a character at most; a control character is written as up to eight.
            let is_text = |text: &String| text.len() <= 10 * Told::WARNING_LENGTH && !text.contains(char::is_control);
            if !told.warnings.iter().all(is_text) {
                return Err("a warning that is no plain text");
            }
        }
        Ok(())
    }
}
