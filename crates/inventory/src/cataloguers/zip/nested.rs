//! An archive inside an archive.
//!
//! Stored, as Spring Boot keeps its libraries, it is read in place. Deflated, as in a war, it is inflated into memory
//! where it is small. A large one is inflated anew for each step back: three times for a whole archive (its end, its
//! directory, its entries in their order), so that no archive is ever held whole.

use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};

use flate2::bufread::DeflateDecoder;

use super::{Archive, Budget, Entry, Section};
use crate::cataloguers::sought;

/// The largest deflated archive that is held in memory: as much as a member may have there.
const IN_MEMORY: u64 = crate::worker::protocol::IN_MEMORY;

/// An entry that is read at random.
pub(in crate::cataloguers) enum Nested<'a> {
    Stored(Section<'a>),
    InMemory(Cursor<Vec<u8>>),
    Deflated(Box<Rewinding<'a>>),
}

/// Deflated bytes that can be sought in.
pub(in crate::cataloguers) struct Rewinding<'a> {
    /// None after an error: nothing more is read then.
    decoder: Option<Decoder<'a>>,
    size: u64,
    /// Where the decoder is.
    reached: u64,
    /// Where the next read is wanted.
    position: u64,
    budget: &'a Budget,
}

type Decoder<'a> = DeflateDecoder<BufReader<Section<'a>>>;

fn decoder(section: Section<'_>) -> Decoder<'_> {
    DeflateDecoder::new(BufReader::with_capacity(16 << 10, section))
}

impl<'a> Nested<'a> {
    /// Opens an entry of `archive`.
    pub(in crate::cataloguers) fn open<'b: 'a>(archive: &'a mut Archive<'b>, entry: &Entry) -> io::Result<Self> {
        if entry.is_stored() {
            return Ok(Self::Stored(archive.section(entry)?.0));
        }
        if entry.size <= IN_MEMORY {
            // As claimed: where there is more, the claim ends it, as it ends a large one.
            let mut bytes = Vec::new();
            archive.read(entry)?.take(entry.size).read_to_end(&mut bytes)?;
            return Ok(Self::InMemory(Cursor::new(bytes)));
        }
        let (section, budget) = archive.section(entry)?;
        let decoder = Some(decoder(section));
        Ok(Self::Deflated(Box::new(Rewinding { decoder, size: entry.size, reached: 0, position: 0, budget })))
    }
}

impl Rewinding<'_> {
    /// Brings the decoder to where the next read is wanted.
    fn advance(&mut self) -> io::Result<()> {
        if self.position < self.reached {
            let mut section = self.decoder.take().ok_or_else(failed)?.into_inner().into_inner();
            section.seek(SeekFrom::Start(0))?;
            self.decoder = Some(decoder(section));
            self.reached = 0;
        }
        let mut discarded = [0; 8 << 10];
        while self.reached < self.position {
            let most = (self.position - self.reached).min(discarded.len() as u64) as usize;
            if self.inflate(&mut discarded[..most])? == 0 {
                // Beyond the end: reads find nothing there.
                break;
            }
        }
        Ok(())
    }

    fn inflate(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.decoder.as_mut().ok_or_else(failed)?.read(buffer).inspect_err(|_| self.decoder = None)?;
        self.reached += read as u64;
        self.budget.inflate(read as u64)?;
        Ok(read)
    }
}

fn failed() -> io::Error {
    io::Error::other("it could not be inflated before")
}

impl Read for Rewinding<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.size.saturating_sub(self.position).min(buffer.len() as u64) as usize;
        if left == 0 {
            return Ok(0);
        }
        self.advance()?;
        if self.reached < self.position {
            return Ok(0);
        }
        let read = self.inflate(&mut buffer[..left])?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Rewinding<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = sought(to, self.size, self.position)?;
        Ok(self.position)
    }
}

impl Read for Nested<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Stored(content) => content.read(buffer),
            Self::InMemory(content) => content.read(buffer),
            Self::Deflated(content) => content.read(buffer),
        }
    }
}

impl Seek for Nested<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::Stored(content) => content.seek(to),
            Self::InMemory(content) => content.seek(to),
            Self::Deflated(content) => content.seek(to),
        }
    }
}
