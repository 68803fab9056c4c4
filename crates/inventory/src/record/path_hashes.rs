//! Sorted hashes of paths, which are nearly all of a record, as the gaps between neighbours: seven bytes each for a
//! layer of a hundred thousand members where postcard's own integers would take ten.
//!
//! A layer may have twenty million members. Lists that are longer than real layers need lie in an unlinked file instead
//! of memory, and beside the record instead of in it where that is kept ([`LayerRecord::parts`]).
//!
//! [`LayerRecord::parts`]: crate::LayerRecord::parts

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::mem;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Most bytes of a list that is held in memory and in its record: some 600,000 paths.
const IN_MEMORY: usize = 4 << 20;
/// Bytes that are written to and read from a file at once.
const CHUNK: usize = 64 << 10;

/// A strictly rising list of [path hashes](super::path_hash).
#[derive(Clone, Debug, Default)]
pub struct PathHashes {
    number: u64,
    gaps: Gaps,
}

#[derive(Clone, Debug)]
enum Gaps {
    Memory(Vec<u8>),
    /// So many bytes of an unlinked file.
    File(Arc<File>, u64),
    /// So many bytes that are kept beside the record and were not read from there yet.
    Apart(u64),
}

impl Default for Gaps {
    fn default() -> Self {
        Self::Memory(Vec::new())
    }
}

/// Makes a list of hashes that come in rising order.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    number: u64,
    last: u64,
    bytes: Vec<u8>,
    file: Option<(Arc<File>, u64)>,
}

impl PathHashes {
    /// The list of these hashes, in any order.
    pub fn of(mut hashes: Vec<u64>) -> Self {
        hashes.sort_unstable();
        hashes.dedup();
        let mut bytes = Vec::with_capacity(hashes.len() * 7);
        let mut last = 0;
        for hash in &hashes {
            push_gap(&mut bytes, hash.wrapping_sub(last));
            last = *hash;
        }
        Self { number: hashes.len() as u64, gaps: Gaps::Memory(bytes) }
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.number
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.number == 0
    }

    /// All of them, from the lowest.
    pub fn to_vec(&self) -> io::Result<Vec<u64>> {
        self.hashes()?.collect()
    }

    /// A sorted list in which those of `asked` are that are here: all where they lie in memory, else only these.
    pub(crate) fn among(&self, asked: impl FnOnce() -> Vec<u64>) -> io::Result<Vec<u64>> {
        if matches!(self.gaps, Gaps::Memory(_)) {
            return self.to_vec();
        }
        let mut asked = asked();
        asked.sort_unstable();
        asked.dedup();
        let (mut asked, mut found) = (asked.into_iter().peekable(), Vec::new());
        for hash in self.hashes()? {
            let hash = hash?;
            while asked.next_if(|asked| *asked < hash).is_some() {}
            match asked.peek() {
                None => break,
                Some(asked) if *asked == hash => found.push(hash),
                Some(_) => {}
            }
        }
        Ok(found)
    }

    /// Bytes of it that are to be kept beside the record.
    pub(super) fn apart(&self) -> u64 {
        match &self.gaps {
            Gaps::Memory(_) => 0,
            Gaps::File(_, length) | Gaps::Apart(length) => *length,
        }
    }

    /// Those bytes from `at` on, at most `most` of them.
    pub(super) fn part(&self, at: u64, most: usize) -> io::Result<Vec<u8>> {
        let Gaps::File(file, length) = &self.gaps else { return Ok(Vec::new()) };
        let size = usize::try_from(length.saturating_sub(at)).unwrap_or(usize::MAX).min(most);
        let mut bytes = vec![0; size];
        file.read_exact_at(&mut bytes, at)?;
        Ok(bytes)
    }

    /// Whether it is to be read from beside the record yet, and how many hashes it then has to have.
    pub(super) fn awaited(&self) -> Option<(u64, u64)> {
        if let Gaps::Apart(length) = self.gaps { Some((length, self.number)) } else { None }
    }

    fn hashes(&self) -> io::Result<impl Iterator<Item = io::Result<u64>> + '_> {
        let bytes: Box<dyn BufRead + '_> = match &self.gaps {
            Gaps::Memory(bytes) => Box::new(bytes.as_slice()),
            Gaps::File(file, length) => Box::new(BufReader::with_capacity(CHUNK, Window { file, at: 0, end: *length })),
            Gaps::Apart(_) => return Err(io::Error::other("a list of paths was not read from beside its record")),
        };
        Ok(Hashes { bytes, last: None })
    }
}

impl PartialEq for PathHashes {
    fn eq(&self, other: &Self) -> bool {
        match (&self.gaps, &other.gaps) {
            _ if self.number != other.number => false,
            (Gaps::Memory(one), Gaps::Memory(other)) => one == other,
            (Gaps::Apart(one), Gaps::Apart(other)) => one == other,
            // A list that cannot be read is equal to none.
            _ => match (self.hashes(), other.hashes()) {
                (Ok(one), Ok(other)) => one.zip(other).all(|pair| matches!(pair, (Ok(one), Ok(other)) if one == other)),
                _ => false,
            },
        }
    }
}

impl Eq for PathHashes {}

impl Writer {
    /// The next one, which is not lower than those before; the same as the last one counts once.
    pub(crate) fn push(&mut self, hash: u64) -> io::Result<()> {
        if self.number > 0 && hash == self.last {
            return Ok(());
        }
        push_gap(&mut self.bytes, hash.wrapping_sub(self.last));
        self.last = hash;
        self.number += 1;
        let full = if self.file.is_some() { CHUNK } else { IN_MEMORY };
        if self.bytes.len() >= full { self.flush() } else { Ok(()) }
    }

    /// The list.
    pub(crate) fn finish(mut self) -> io::Result<PathHashes> {
        if self.file.is_some() {
            self.flush()?;
        }
        let gaps = match self.file {
            Some((file, length)) => Gaps::File(file, length),
            None => Gaps::Memory(self.bytes),
        };
        Ok(PathHashes { number: self.number, gaps })
    }

    fn flush(&mut self) -> io::Result<()> {
        let (file, length) = match self.file.take() {
            Some(file) => file,
            None => (Arc::new(tempfile::tempfile()?), 0),
        };
        file.write_all_at(&self.bytes, length)?;
        self.file = Some((file, length + self.bytes.len() as u64));
        self.bytes = Vec::with_capacity(CHUNK + 16);
        Ok(())
    }
}

/// The hashes in gaps that somebody else may have written.
struct Hashes<R> {
    bytes: R,
    last: Option<u64>,
}

impl<R: BufRead> Hashes<R> {
    fn read(&mut self) -> io::Result<Option<u64>> {
        let broken = || io::Error::new(io::ErrorKind::InvalidData, "a list of hashes is broken");
        let mut gap = 0u64;
        for shift in (0..64).step_by(7) {
            let Some(byte) = self.bytes.fill_buf()?.first().copied() else {
                return if shift == 0 { Ok(None) } else { Err(broken()) };
            };
            self.bytes.consume(1);
            let part = u64::from(byte & 0x7f);
            if part << shift >> shift != part {
                return Err(broken());
            }
            gap |= part << shift;
            if byte & 0x80 == 0 {
                // Strictly rising: what searches it may rely on that.
                let hash = match self.last {
                    Some(last) if gap > 0 => last.checked_add(gap).ok_or_else(broken)?,
                    Some(_) => return Err(broken()),
                    None => gap,
                };
                self.last = Some(hash);
                return Ok(Some(hash));
            }
        }
        Err(broken())
    }
}

impl<R: BufRead> Iterator for Hashes<R> {
    type Item = io::Result<u64>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// A file from one place to another, whatever others do with its position.
struct Window<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl Read for Window<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(&mut buffer[..most], self.at)?;
        if read == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += read as u64;
        Ok(read)
    }
}

/// A list that comes in parts from beside its record: checked as it comes.
#[derive(Debug)]
pub(super) struct Arriving {
    wanted: u64,
    number: u64,
    hashes: Writer,
    /// The beginning of a gap whose end is in the next part.
    rest: Vec<u8>,
}

impl Arriving {
    /// Bytes and number of hashes as the record says.
    pub(super) fn new((wanted, number): (u64, u64)) -> Self {
        Self { wanted, number, hashes: Writer::default(), rest: Vec::new() }
    }

    /// Takes what is this list's of a part, and leaves the rest of it.
    pub(super) fn take(&mut self, part: &mut &[u8]) -> io::Result<()> {
        let size = usize::try_from(self.wanted).unwrap_or(usize::MAX).min(part.len());
        let (mine, others) = part.split_at(size);
        *part = others;
        self.wanted -= size as u64;
        let mut bytes = mem::take(&mut self.rest);
        bytes.extend_from_slice(mine);
        let whole = bytes.iter().rposition(|byte| byte & 0x80 == 0).map_or(0, |last| last + 1);
        self.rest = bytes.split_off(whole);
        let last = (self.hashes.number > 0).then_some(self.hashes.last);
        for hash in (Hashes { bytes: bytes.as_slice(), last }) {
            self.hashes.push(hash?)?;
        }
        Ok(())
    }

    /// Whether all is there.
    pub(super) fn is_whole(&self) -> bool {
        self.wanted == 0
    }

    /// The list, where it is what the record says.
    pub(super) fn finish(self) -> io::Result<PathHashes> {
        if self.wanted > 0 || !self.rest.is_empty() || self.hashes.number != self.number {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a list of hashes is not whole"));
        }
        self.hashes.finish()
    }
}

fn push_gap(bytes: &mut Vec<u8>, mut gap: u64) {
    while gap >= 0x80 {
        bytes.push(gap as u8 | 0x80);
        gap >>= 7;
    }
    bytes.push(gap as u8);
}

/// As it is written into a record: the number of hashes, the bytes that are kept apart, those that are not.
#[derive(Serialize, Deserialize)]
struct Written<'a>(u64, u64, &'a [u8]);

impl Serialize for PathHashes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = match &self.gaps {
            Gaps::Memory(bytes) => Written(self.number, 0, bytes),
            Gaps::File(_, length) | Gaps::Apart(length) if *length > 0 => Written(self.number, *length, &[]),
            _ => return Err(S::Error::custom("an empty list lies apart")),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PathHashes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written(number, apart, bytes) = Written::deserialize(deserializer)?;
        if apart > 0 {
            // No gap is longer than ten bytes, none shorter than one.
            let fits = number <= apart && apart <= number.saturating_mul(10) && bytes.is_empty();
            return if fits {
                Ok(Self { number, gaps: Gaps::Apart(apart) })
            } else {
                Err(D::Error::custom("a list of hashes says two things of itself"))
            };
        }
        let list = Self { number, gaps: Gaps::Memory(bytes.to_vec()) };
        let mut counted = 0;
        for hash in list.hashes().map_err(D::Error::custom)? {
            hash.map_err(D::Error::custom)?;
            counted += 1;
        }
        if counted == number { Ok(list) } else { Err(D::Error::custom("a list of hashes has another number")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hashes that lie far apart, in order.
    fn many(number: u64) -> impl Iterator<Item = u64> {
        (0..number).map(move |place| place * (u64::MAX / number) + place % 7)
    }

    fn list(number: u64) -> PathHashes {
        let mut writer = Writer::default();
        for hash in many(number) {
            writer.push(hash).unwrap();
            writer.push(hash).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn a_long_list_lies_in_a_file_and_says_the_same() {
        let long = list(1_000_000);
        assert!(matches!(long.gaps, Gaps::File(..)));
        let in_memory = PathHashes::of(many(1_000_000).collect());
        assert_eq!((long.len(), &long), (1_000_000, &in_memory));
        let asked: Vec<u64> = many(1_000_000).skip(17).step_by(99_991).chain([u64::MAX, 5]).collect();
        let found = long.among(|| asked.clone()).unwrap();
        let all = in_memory.among(|| unreachable!()).unwrap();
        let expected: Vec<u64> = asked.iter().copied().filter(|hash| all.binary_search(hash).is_ok()).collect();
        assert!(expected.len() > 9);
        assert_eq!(found, expected);
    }

    #[test]
    fn a_list_arrives_in_parts_of_any_size() {
        let long = list(700_000);
        let length = long.apart();
        let mut arriving = Arriving::new((length, 700_000));
        let (mut at, mut size) = (0, 1);
        while !arriving.is_whole() {
            let part = long.part(at, size).unwrap();
            arriving.take(&mut part.as_slice()).unwrap();
            at += part.len() as u64;
            size = (size * 3).min(1 << 20);
        }
        assert_eq!(arriving.finish().unwrap(), long);
    }

    #[test]
    fn parts_that_are_not_what_the_record_says_are_refused() {
        let long = list(700_000);
        let bytes = long.part(0, usize::MAX).unwrap();
        let arrive = |wanted: u64, number: u64, mut bytes: &[u8]| {
            let mut arriving = Arriving::new((wanted, number));
            arriving.take(&mut bytes)?;
            arriving.finish()
        };
        assert!(arrive(long.apart(), 700_000, &bytes).is_ok());
        assert!(arrive(long.apart(), 699_999, &bytes).is_err());
        assert!(arrive(long.apart(), 700_000, &bytes[1..]).is_err());
        assert!(arrive(long.apart() - 1, 700_000, &bytes).is_err());
        let repeated = [&bytes[..bytes.len() - 9], &[0; 9]].concat();
        assert!(arrive(long.apart(), 700_000, &repeated).is_err(), "a gap of nothing");
    }
}
