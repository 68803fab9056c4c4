//! A tar, member by member, with bounds: ustar, GNU long names, pax paths and sizes, sparse files.
//!
//! Where programs differ in reading a tar, this one reads as Go's `archive/tar` does, for that is what docker and
//! containerd unpack with: what is scanned has to be what runs. A pax size holds against the header's; a GNU long
//! name holds against a pax path; links, folders and devices have no content whatever their header says; global pax
//! headers change nothing.

mod header;
mod pax;
mod sparse;

use std::io::{self, Read};

use self::header::{BLOCK, Block, Header};
use self::pax::{Pax, PaxSparse};
use self::sparse::{Run, Sparse};
use super::path::normalise;
use super::{Entry, EntryKind, LayerError, Limits};

/// Most bytes of one extended header, long name or sparse map (Go's bound).
const SPECIAL_BYTES: u64 = 1 << 20;

/// Where a tar's bytes come from.
pub(crate) trait Stream {
    /// Bytes that come next, at least one; empty at the end.
    fn chunk(&mut self) -> Result<&[u8], LayerError>;

    /// Uses up bytes of the chunk.
    fn advance(&mut self, bytes: usize);

    /// Bytes used so far.
    fn offset(&self) -> u64;

    /// Uses up so many bytes, or all that are left; says how many.
    fn skip(&mut self, bytes: u64) -> Result<u64, LayerError> {
        let mut left = bytes;
        while left > 0 {
            let available = self.chunk()?.len();
            if available == 0 {
                break;
            }
            let step = available.min(usize::try_from(left).unwrap_or(usize::MAX));
            self.advance(step);
            left -= step as u64;
        }
        Ok(bytes - left)
    }
}

impl<R: Read> Stream for super::Inflated<R> {
    fn chunk(&mut self) -> Result<&[u8], LayerError> {
        self.chunk()
    }

    fn advance(&mut self, bytes: usize) {
        self.advance(bytes);
    }

    fn offset(&self) -> u64 {
        self.offset()
    }
}

/// A member as the reader found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) entry: Entry,
    /// Where its content begins in the tar.
    pub(crate) offset: u64,
    /// Whether its content lies there as it is, in one piece.
    pub(crate) is_contiguous: bool,
}

/// Reads a tar member by member.
pub(crate) struct Reader<S> {
    stream: S,
    limits: Limits,
    /// Stored bytes of the present member that were not read yet.
    left: u64,
    padding: u64,
    sparse: Option<Sparse>,
    /// Headers seen, extended ones too.
    headers: u64,
    entries: u64,
    /// Bytes of sparse files with their holes.
    expanded: u64,
    ended: bool,
    name: Vec<u8>,
}

/// What extended headers said of the member that follows them.
#[derive(Default)]
struct Extended {
    pax: Pax,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    /// Whether there was any.
    is_some: bool,
}

impl<S: Stream> Reader<S> {
    pub(crate) fn new(stream: S, limits: &Limits) -> Self {
        Self {
            stream,
            limits: limits.clone(),
            left: 0,
            padding: 0,
            sparse: None,
            headers: 0,
            entries: 0,
            expanded: 0,
            ended: false,
            name: Vec::new(),
        }
    }

    /// Members given out so far.
    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    pub(crate) fn into_stream(self) -> S {
        self.stream
    }

    /// The next member; `None` at the tar's end. What was left of the one before is skipped.
    pub(crate) fn next(&mut self) -> Result<Option<Member>, LayerError> {
        self.skip_rest()?;
        let mut extended = Extended::default();
        let mut block = [0; BLOCK];
        while !self.ended {
            let offset = self.stream.offset();
            if !self.read_block(&mut block)? {
                break;
            }
            let header = match Block::read(&block) {
                Block::Header(header) => header,
                Block::Zero => {
                    self.end(&mut block)?;
                    break;
                }
                Block::Garbage => return Err(corrupt("a file header was expected, but its checksum is wrong", offset)),
            };
            self.headers += 1;
            if self.headers > self.limits.entries {
                return Err(LayerError::TooManyEntries { limit: self.limits.entries });
            }
            let size = header.size().ok_or_else(|| corrupt("the size of a file is no number", offset))?;
            match header.type_flag() {
                b'x' => extended.pax = Pax::parse(&self.special(size, offset)?).map_err(|why| corrupt(why, offset))?,
                b'L' => extended.long_name = Some(header::text(&self.special(size, offset)?).to_vec()),
                b'K' => extended.long_link = Some(header::text(&self.special(size, offset)?).to_vec()),
                // Global headers and the label of a GNU volume say nothing about files.
                b'g' | b'V' => {
                    self.begin(size);
                    self.skip_rest()?;
                    // Go gives these out like files, so what came before them is used up.
                    extended = Extended::default();
                    continue;
                }
                _ => return self.member(&header, size, extended, offset).map(Some),
            }
            extended.is_some = true;
        }
        self.ended = true;
        if extended.is_some {
            return Err(LayerError::Truncated { place: "a file's headers".into(), offset: self.stream.offset() });
        }
        Ok(None)
    }

    /// The content of the present member.
    pub(crate) fn content(&mut self) -> Content<'_, S> {
        Content { reader: self, failure: None }
    }

    fn member(
        &mut self,
        header: &Header<'_>,
        size: u64,
        extended: Extended,
        offset: u64,
    ) -> Result<Member, LayerError> {
        let Extended { pax, long_name, long_link, .. } = extended;
        header.name(&mut self.name);
        if let Some(name) = pax.sparse.name.clone().or(long_name).or(pax.path) {
            self.name = name;
        }
        let link = long_link.or(pax.link_path).unwrap_or_else(|| header.link_name().to_vec());
        for text in [&self.name, &link] {
            if text.len() > self.limits.path_bytes {
                let found = text.len() as u64;
                return Err(LayerError::PathTooLong { found, limit: self.limits.path_bytes, offset });
            }
        }
        let mut path = String::with_capacity(self.name.len());
        normalise(&self.name, &mut path);
        let flag = header.type_flag();
        let kind = match flag {
            // Before POSIX a folder was told by its name alone.
            0 if self.name.ends_with(b"/") => EntryKind::Directory,
            0 | b'0' | b'7' | b'S' => EntryKind::File,
            b'1' => {
                let mut target = String::new();
                normalise(&link, &mut target);
                EntryKind::HardLink(target)
            }
            b'2' => EntryKind::Symlink(String::from_utf8_lossy(&link).into_owned()),
            b'5' => EntryKind::Directory,
            _ => EntryKind::Special,
        };
        let has_content = kind == EntryKind::File || (kind == EntryKind::Special && !(b'1'..=b'6').contains(&flag));
        let stored = if has_content { pax.size.unwrap_or(size) } else { 0 };
        self.begin(stored);
        if kind == EntryKind::Special {
            // What kind it is of nobody knows, so nobody is shown what it holds.
            self.skip_rest()?;
        }
        if kind == EntryKind::File {
            self.sparse =
                if flag == b'S' { self.old_sparse(header, offset)? } else { self.pax_sparse(&pax.sparse, offset)? };
        }
        let is_contiguous = self.sparse.is_none();
        let size = match (&kind, &self.sparse) {
            (EntryKind::File, Some(sparse)) => sparse.size(),
            (EntryKind::File, None) => stored,
            _ => 0,
        };
        if !is_contiguous {
            self.expanded = self.expanded.saturating_add(size);
            if self.expanded > self.limits.uncompressed_bytes {
                return Err(LayerError::TooLarge { limit: self.limits.uncompressed_bytes });
            }
        }
        let mode = header.mode().ok_or_else(|| corrupt("the mode of a file is no number", offset))?;
        self.entries += 1;
        Ok(Member { entry: Entry { path, kind, size, mode }, offset: self.stream.offset(), is_contiguous })
    }

    /// A sparse file of old GNU tar: its map stands in the header and in blocks behind it.
    fn old_sparse(&mut self, header: &Header<'_>, offset: u64) -> Result<Option<Sparse>, LayerError> {
        let (first, mut extended, size) =
            header.old_gnu_sparse().ok_or_else(|| corrupt("a sparse file has a header of another format", offset))?;
        let mut map = Vec::new();
        let mut is_full = take_map(first, &mut map).ok_or_else(|| corrupt(BAD_MAP, offset))?;
        let mut block = [0; BLOCK];
        let mut bytes = 0;
        while extended {
            bytes += BLOCK as u64;
            if bytes > SPECIAL_BYTES || !self.read_block(&mut block)? {
                return Err(corrupt(BAD_MAP, offset));
            }
            let (entries, rest) = block.split_at(504);
            extended = rest.first().is_some_and(|flag| *flag != 0);
            if is_full {
                is_full = take_map(entries, &mut map).ok_or_else(|| corrupt(BAD_MAP, offset))?;
            }
        }
        let size = size.ok_or_else(|| corrupt("the size of a sparse file is no number", offset))?;
        Sparse::new(&map, size, self.left).map(Some).map_err(|why| corrupt(why, offset))
    }

    /// A sparse file told by pax records; in form 1.0 the map stands before the content.
    fn pax_sparse(&mut self, sparse: &PaxSparse, offset: u64) -> Result<Option<Sparse>, LayerError> {
        let map = match sparse.version {
            (Some(1), Some(0)) => self.leading_map(offset)?,
            (None | Some(0), None | Some(0 | 1)) if sparse.map.is_empty() && sparse.real_size.is_none() => {
                return Ok(None);
            }
            (None | Some(0), None | Some(0 | 1)) => sparse.map.clone(),
            (major, minor) => {
                let (major, minor) = (major.unwrap_or_default(), minor.unwrap_or_default());
                let reason = format!("it has a sparse file in the unknown form {major}.{minor}");
                return Err(LayerError::Unsupported { reason });
            }
        };
        let size = sparse.real_size.ok_or_else(|| corrupt("a sparse file has no size", offset))?;
        Sparse::new(&map, size, self.left).map(Some).map_err(|why| corrupt(why, offset))
    }

    /// The map of a sparse file of form 1.0: decimal lines, first their number, filled up to a block.
    fn leading_map(&mut self, offset: u64) -> Result<Vec<u64>, LayerError> {
        let mut text = Vec::new();
        let mut numbers = Vec::new();
        let mut wanted = None;
        let mut block = [0; BLOCK];
        let mut bytes = 0;
        loop {
            bytes += BLOCK as u64;
            if self.left < BLOCK as u64 || bytes > SPECIAL_BYTES || !self.read_block(&mut block)? {
                return Err(corrupt(BAD_MAP, offset));
            }
            self.left -= BLOCK as u64;
            text.extend_from_slice(&block);
            let mut start = 0;
            while let Some(length) = text.get(start..).and_then(|rest| memchr::memchr(b'\n', rest)) {
                let line = text.get(start..start + length).unwrap_or_default();
                let number = pax::decimal(line).map_err(|_| corrupt(BAD_MAP, offset))?;
                start += length + 1;
                match wanted {
                    None => wanted = Some(number.checked_mul(2).ok_or_else(|| corrupt(BAD_MAP, offset))?),
                    Some(_) => numbers.push(number),
                }
                if wanted == Some(numbers.len() as u64) {
                    return Ok(numbers);
                }
            }
            text.drain(..start);
        }
    }

    /// The whole content of an extended header.
    fn special(&mut self, size: u64, offset: u64) -> Result<Vec<u8>, LayerError> {
        if size > SPECIAL_BYTES {
            return Err(corrupt("an extended header is larger than 1 MiB", offset));
        }
        self.begin(size);
        let mut bytes = Vec::new();
        while self.left > 0 {
            let chunk = self.stream.chunk()?;
            if chunk.is_empty() {
                return Err(LayerError::Truncated { place: "a file's headers".into(), offset: self.stream.offset() });
            }
            let step = chunk.len().min(self.left as usize);
            bytes.extend_from_slice(chunk.get(..step).unwrap_or_default());
            self.stream.advance(step);
            self.left -= step as u64;
        }
        self.skip_rest()?;
        Ok(bytes)
    }

    fn begin(&mut self, stored: u64) {
        self.left = stored;
        self.padding = stored.wrapping_neg() % BLOCK as u64;
        self.sparse = None;
    }

    fn skip_rest(&mut self) -> Result<(), LayerError> {
        let skipped = self.stream.skip(self.left)?;
        if skipped < self.left {
            return Err(self.truncated_content());
        }
        self.left = 0;
        // Behind the last file the padding may be missing, as Go has it.
        let padding = std::mem::take(&mut self.padding);
        if self.stream.skip(padding)? < padding {
            self.ended = true;
        }
        Ok(())
    }

    /// Reads a block; `false` at the stream's end.
    fn read_block(&mut self, block: &mut [u8; BLOCK]) -> Result<bool, LayerError> {
        let mut filled = 0;
        while let Some(space) = block.get_mut(filled..).filter(|space| !space.is_empty()) {
            let chunk = self.stream.chunk()?;
            let step = chunk.len().min(space.len());
            if step == 0 && filled == 0 {
                return Ok(false);
            }
            if step == 0 {
                return Err(LayerError::Truncated { place: "a file's header".into(), offset: self.stream.offset() });
            }
            if let (Some(to), Some(from)) = (space.get_mut(..step), chunk.get(..step)) {
                to.copy_from_slice(from);
            }
            self.stream.advance(step);
            filled += step;
        }
        Ok(true)
    }

    /// Behind a first zero block: a second one ends the tar, and so does the end of the stream.
    fn end(&mut self, block: &mut [u8; BLOCK]) -> Result<(), LayerError> {
        self.ended = true;
        let offset = self.stream.offset();
        if self.read_block(block)? && !matches!(Block::read(block), Block::Zero) {
            return Err(corrupt("an empty block stands between two files", offset));
        }
        Ok(())
    }

    fn read_content(&mut self, buffer: &mut [u8]) -> Result<usize, LayerError> {
        let run = match &self.sparse {
            Some(sparse) => sparse.run(),
            None => Run::Stored(self.left),
        };
        let bytes = match run {
            Run::End | Run::Stored(0) => 0,
            Run::Hole(zeros) => {
                let bytes = buffer.len().min(usize::try_from(zeros).unwrap_or(usize::MAX));
                buffer.iter_mut().take(bytes).for_each(|byte| *byte = 0);
                bytes
            }
            Run::Stored(stored) => {
                let chunk = self.stream.chunk()?;
                let bytes = chunk.len().min(buffer.len()).min(usize::try_from(stored).unwrap_or(usize::MAX));
                if let (Some(to), Some(from)) = (buffer.get_mut(..bytes), chunk.get(..bytes)) {
                    to.copy_from_slice(from);
                }
                if chunk.is_empty() {
                    return Err(self.truncated_content());
                }
                self.stream.advance(bytes);
                self.left -= bytes as u64;
                bytes
            }
        };
        if let Some(sparse) = &mut self.sparse {
            sparse.advance(bytes as u64);
        }
        Ok(bytes)
    }

    fn truncated_content(&self) -> LayerError {
        let name = String::from_utf8_lossy(&self.name);
        LayerError::Truncated { place: format!("the content of {name:?}"), offset: self.stream.offset() }
    }
}

const BAD_MAP: &str = "the map of a sparse file is malformed";

/// Takes the entries of an old GNU map, up to the first empty one; whether all were used.
fn take_map(entries: &[u8], map: &mut Vec<u64>) -> Option<bool> {
    for entry in entries.chunks_exact(24) {
        let (offset, length) = entry.split_at(12);
        if offset.first() == Some(&0) {
            return Some(false);
        }
        map.push(header::number(offset)?);
        map.push(header::number(length)?);
    }
    Some(true)
}

/// The content of one member.
pub(crate) struct Content<'a, S> {
    reader: &'a mut Reader<S>,
    failure: Option<LayerError>,
}

impl<S> Content<'_, S> {
    /// Why reading failed, where it did: the visitor saw an I/O error only.
    pub(crate) fn into_failure(self) -> Option<LayerError> {
        self.failure
    }
}

impl<S: Stream> Read for Content<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read_content(buffer).map_err(|error| {
            let seen = io::Error::other(error.to_string());
            self.failure = Some(error);
            seen
        })
    }
}

fn corrupt(reason: &str, offset: u64) -> LayerError {
    LayerError::Corrupt { reason: reason.to_owned(), offset, stream: "the tar" }
}
