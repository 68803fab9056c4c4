//! The central directory, and where the entry that it names begins.

use std::io::{self, BufRead, BufReader, Read, SeekFrom};

use flate2::bufread::DeflateDecoder;

use super::{Budget, Inflating, Section, Source};
use crate::cataloguers::Content;

const END: [u8; 4] = *b"PK\x05\x06";
const END_64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";
const ENTRY: [u8; 4] = *b"PK\x01\x02";
const LOCAL: [u8; 4] = *b"PK\x03\x04";

const END_BYTES: u64 = 22;
/// The end record's comment has a length of two bytes.
const LONGEST_END: u64 = END_BYTES + 0xffff;
const LOCATOR_64_BYTES: u64 = 20;
const LOCAL_BYTES: u64 = 30;

/// An archive whose directory was found.
pub(in crate::cataloguers) struct Archive<'a> {
    content: &'a mut dyn Content,
    budget: &'a Budget,
    directory: Directory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Directory {
    start: u64,
    length: u64,
    /// What stands before the archive and is not counted by its offsets: the script of an executable jar.
    prefix: u64,
}

/// What the directory says of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cataloguers) struct Entry {
    /// Its path.
    pub(in crate::cataloguers) name: String,
    /// Its bytes' number when inflated, as claimed.
    pub(in crate::cataloguers) size: u64,
    compressed: u64,
    method: Method,
    header: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Stored,
    Deflated,
    Encrypted,
    Other(u16),
}

impl<'a> Archive<'a> {
    /// Finds the directory of an archive of `size` bytes.
    pub(in crate::cataloguers) fn open(
        content: &'a mut dyn Content,
        size: u64,
        budget: &'a Budget,
    ) -> io::Result<Archive<'a>> {
        let directory = find_directory(content, size)?;
        Ok(Self { content, budget, directory })
    }

    /// The entries that are `wanted` by their name, ordered by where they lie; at most `most`.
    ///
    /// The second value says why some may be missing: what could be read counts.
    pub(in crate::cataloguers) fn entries(
        &mut self,
        most: usize,
        mut wanted: impl FnMut(&str) -> bool,
    ) -> (Vec<Entry>, Option<io::Error>) {
        let mut entries = Vec::new();
        let read = self.each_entry(|name, rest| {
            if !wanted(name) {
                return Ok(());
            }
            if entries.len() == most {
                return Err(io::Error::other(format!(
                    "it has more than the {most} entries that are read of one archive"
                )));
            }
            entries.push(Entry { name: name.to_owned(), ..rest });
            Ok(())
        });
        entries.sort_by_key(|entry| entry.header);
        (entries, read.err())
    }

    fn each_entry(&mut self, mut visit: impl FnMut(&str, Entry) -> io::Result<()>) -> io::Result<()> {
        let Directory { start, length, .. } = self.directory;
        let section = Section::new(&mut *self.content, start, length)?;
        let mut reader = BufReader::with_capacity(32 << 10, section);
        let mut name = Vec::new();
        loop {
            let at_end = reader.fill_buf()?.is_empty();
            if at_end {
                return Ok(());
            }
            let mut fixed = [0; 46];
            reader.read_exact(&mut fixed)?;
            if fixed[..4] != ENTRY {
                return Err(io::Error::other("its directory has something else than entries"));
            }
            self.budget.look_at_entry()?;
            let fields = Fields(&fixed);
            let (name_length, extra_length, comment_length) = (fields.short(28), fields.short(30), fields.short(32));
            name.resize(usize::from(name_length), 0);
            reader.read_exact(&mut name)?;
            let mut entry = Entry {
                name: String::new(),
                size: u64::from(fields.long(24)),
                compressed: u64::from(fields.long(20)),
                method: match (fields.short(8) & 1, fields.short(10)) {
                    (1, _) => Method::Encrypted,
                    (_, 0) => Method::Stored,
                    (_, 8) => Method::Deflated,
                    (_, other) => Method::Other(other),
                },
                header: u64::from(fields.long(42)),
            };
            let large = entry.size.max(entry.compressed).max(entry.header) == u64::from(u32::MAX);
            if large {
                let mut extra = vec![0; usize::from(extra_length)];
                reader.read_exact(&mut extra)?;
                entry.enlarge(&extra);
            } else {
                skip(&mut reader, u64::from(extra_length))?;
            }
            skip(&mut reader, u64::from(comment_length))?;
            // Names are UTF-8 or of some old code page; those that are looked for are ASCII.
            visit(&String::from_utf8_lossy(&name), entry)?;
        }
    }

    /// The bytes of an entry, as a stream.
    pub(in crate::cataloguers) fn read(&mut self, entry: &Entry) -> io::Result<impl Read + use<'_, 'a>> {
        let section = self.section(entry)?;
        Ok(Inflating {
            source: match entry.method {
                Method::Deflated => {
                    Source::Deflated(DeflateDecoder::new(BufReader::with_capacity(16 << 10, section.0)))
                }
                _ => Source::Stored(section.0),
            },
            budget: section.1,
        })
    }

    /// The bytes of an entry as they lie in the archive.
    pub(super) fn section(&mut self, entry: &Entry) -> io::Result<(Section<'_>, &'a Budget)> {
        match entry.method {
            Method::Stored | Method::Deflated => {}
            Method::Encrypted => return Err(io::Error::other("it is encrypted")),
            Method::Other(method) => {
                return Err(io::Error::other(format!("it is compressed by method {method}, which is not read")));
            }
        }
        let header = self.directory.prefix.checked_add(entry.header).ok_or(io::ErrorKind::InvalidData)?;
        self.content.seek(SeekFrom::Start(header))?;
        let mut fixed = [0; LOCAL_BYTES as usize];
        self.content.read_exact(&mut fixed)?;
        if fixed[..4] != LOCAL {
            return Err(io::Error::other("it does not lie where the archive's directory says"));
        }
        let fields = Fields(&fixed);
        let start = header + LOCAL_BYTES + u64::from(fields.short(26)) + u64::from(fields.short(28));
        Ok((Section::new(&mut *self.content, start, entry.compressed)?, self.budget))
    }
}

impl Entry {
    /// Whether its bytes lie in the archive as they are.
    pub(super) fn is_stored(&self) -> bool {
        self.method == Method::Stored
    }

    /// The sizes of more than four bytes stand in an extra field, those that need it, in this order (4.5.3).
    fn enlarge(&mut self, mut extra: &[u8]) {
        while extra.len() >= 4 {
            let (kind, length) = (Fields(extra).short(0), usize::from(Fields(extra).short(2)));
            let Some(mut field) = extra.get(4..4 + length) else { return };
            if kind == 1 {
                for value in [&mut self.size, &mut self.compressed, &mut self.header] {
                    if *value == u64::from(u32::MAX) && field.len() >= 8 {
                        *value = Fields(field).quad(0);
                        field = &field[8..];
                    }
                }
            }
            extra = &extra[4 + length..];
        }
    }
}

fn find_directory(content: &mut dyn Content, size: u64) -> io::Result<Directory> {
    let tail_start = size.saturating_sub(LONGEST_END + LOCATOR_64_BYTES);
    let mut tail = Vec::new();
    Section::new(content, tail_start, size - tail_start)?.read_to_end(&mut tail)?;
    let ends = (0..(tail.len() + 1).saturating_sub(END_BYTES as usize)).rev();
    for at in ends.filter(|at| tail[*at..].starts_with(&END)) {
        let fields = Fields(&tail[at..]);
        // A comment may hold the mark of an end; what is behind the true one is as long as it says, or padding.
        if u64::from(fields.short(20)) + END_BYTES > (tail.len() - at) as u64 {
            continue;
        }
        let (length, start) = (u64::from(fields.long(12)), u64::from(fields.long(16)));
        let end = tail_start + at as u64;
        if length == u64::from(u32::MAX) || start == u64::from(u32::MAX) || fields.short(10) == u16::MAX {
            let locator = at.checked_sub(LOCATOR_64_BYTES as usize).map(|at| &tail[at..]);
            if let Some(locator) = locator.filter(|locator| locator.starts_with(&LOCATOR_64)) {
                return find_directory_64(content, end - LOCATOR_64_BYTES, Fields(locator).quad(8));
            }
        }
        let directory = Directory::ending_at(end, start, length);
        return directory.ok_or_else(|| io::Error::other("its directory is longer than what is before its end"));
    }
    Err(io::Error::other("it is no zip archive, or its end is missing"))
}

/// The end record of large archives stands before its locator; what `said` tells is off by what stands before the
/// archive.
fn find_directory_64(content: &mut dyn Content, locator: u64, said: u64) -> io::Result<Directory> {
    let fixed = 56;
    let places = [Some(said), locator.checked_sub(fixed)];
    for place in places.into_iter().flatten().filter(|place| *place < locator) {
        let mut record = Vec::new();
        Section::new(content, place, fixed)?.read_to_end(&mut record)?;
        if record.len() as u64 == fixed && record.starts_with(&END_64) {
            let (length, start) = (Fields(&record).quad(40), Fields(&record).quad(48));
            let directory = Directory::ending_at(place, start, length);
            return directory.ok_or_else(|| io::Error::other("its directory is longer than what is before its end"));
        }
    }
    Err(io::Error::other("its directory is said to be large and is not there"))
}

impl Directory {
    /// The directory ends where the end record begins, whatever that record says of its start.
    fn ending_at(end: u64, said_start: u64, length: u64) -> Option<Self> {
        let start = end.checked_sub(length)?;
        Some(Self { start, length, prefix: start.checked_sub(said_start)? })
    }
}

fn skip(reader: &mut impl Read, bytes: u64) -> io::Result<()> {
    let skipped = io::copy(&mut reader.take(bytes), &mut io::sink())?;
    if skipped == bytes { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Little-endian numbers at places that are there; beyond the end they are 0.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn number<const N: usize>(&self, at: usize) -> [u8; N] {
        self.0.get(at..at + N).and_then(|bytes| bytes.try_into().ok()).unwrap_or([0; N])
    }

    fn short(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.number(at))
    }

    fn long(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.number(at))
    }

    fn quad(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.number(at))
    }
}
