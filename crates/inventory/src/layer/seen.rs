//! The hashes of all paths of a layer while it is walked: in memory as far as real layers need, else in sorted runs in
//! an unlinked file, which are merged at the end.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::record::{HashWriter, PathHashes};

/// A path's hash, high byte first so that entries sort by it, and whether it is a folder.
type Entry = [u8; SIZE];

const SIZE: usize = 9;
/// Length at which duplicates are thrown out for the first time.
const FIRST_FULL: usize = 64 << 10;
/// Different paths that are held in memory: 4.5 MB, and sorting takes as much again.
const IN_MEMORY: usize = 512 << 10;
/// Entries of a run that are read at once.
const READ: usize = 3640;

/// Paths seen, in order: the last time that a path was seen tells what it is.
#[derive(Debug)]
pub(super) struct Seen {
    entries: Vec<Entry>,
    /// Length at which duplicates are thrown out.
    full: usize,
    /// Length at which what is left becomes a run.
    most: usize,
    runs: Runs,
}

/// Hashes of folders, and of everything else.
pub(super) type Lists = (PathHashes, PathHashes);

/// Sorted runs without duplicates, each behind the one before.
#[derive(Debug, Default)]
struct Runs {
    file: Option<File>,
    /// Where each ends.
    ends: Vec<u64>,
}

impl Default for Seen {
    fn default() -> Self {
        Self { entries: Vec::new(), full: FIRST_FULL.min(IN_MEMORY), most: IN_MEMORY, runs: Runs::default() }
    }
}

impl Seen {
    /// A path was seen, by its [`path_hash`](crate::record::path_hash).
    pub(super) fn push(&mut self, hash: u64, is_folder: bool) {
        if self.entries.len() >= self.full {
            self.compact();
            // Where a run cannot be written the entries stay, and it is tried again when there are twice as many.
            if self.entries.len() * 2 > self.most && self.runs.add(&self.entries).is_ok() {
                self.entries.clear();
            }
            self.full = (self.entries.len() * 2).max(self.full.min(self.most));
        }
        let mut entry = [0; SIZE];
        entry[..8].copy_from_slice(&hash.to_be_bytes());
        entry[8] = u8::from(is_folder);
        self.entries.push(entry);
    }

    /// Hashes of folders, and of everything else.
    pub(super) fn finish(mut self) -> io::Result<Lists> {
        self.compact();
        let mut lists = (HashWriter::default(), HashWriter::default());
        let mut push = |entry: &Entry| {
            let hash = entry[..8].iter().fold(0, |hash, byte| hash << 8 | u64::from(*byte));
            if entry[8] == 1 { lists.0.push(hash) } else { lists.1.push(hash) }
        };
        if self.runs.ends.is_empty() {
            self.entries.iter().try_for_each(&mut push)?;
        } else {
            self.runs.add(&self.entries)?;
            self.entries = Vec::new();
            self.runs.merge(push)?;
        }
        Ok((lists.0.finish()?, lists.1.finish()?))
    }

    fn compact(&mut self) {
        // Stable, so that the last of equal ones is the last that was seen.
        self.entries.sort_by(|one, other| one[..8].cmp(&other[..8]));
        // Keeps the first of equal ones, so it looks from the end.
        self.entries.reverse();
        self.entries.dedup_by(|later, first| later[..8] == first[..8]);
        self.entries.reverse();
    }
}

impl Runs {
    fn add(&mut self, entries: &[Entry]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile()?),
        };
        let begin = self.ends.last().copied().unwrap_or(0);
        file.write_all_at(entries.as_flattened(), begin)?;
        self.ends.push(begin + (entries.len() * SIZE) as u64);
        Ok(())
    }

    /// Hands over each path once, in order, as the last run that has it tells it.
    fn merge(&self, mut each: impl FnMut(&Entry) -> io::Result<()>) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        let mut runs: Vec<Run> = begins.zip(&self.ends).map(|(at, end)| Run::new(at, *end)).collect();
        let mut next = BinaryHeap::new();
        let of = |hash: Entry, run: usize| {
            let key: [u8; 8] = std::array::from_fn(|place| hash[place]);
            Reverse((key, Reverse(run), hash[8]))
        };
        for (number, run) in runs.iter_mut().enumerate() {
            next.extend(run.next(file)?.map(|entry| of(entry, number)));
        }
        let mut last = None;
        while let Some(Reverse((key, Reverse(number), kind))) = next.pop() {
            if last != Some(key) {
                last = Some(key);
                let mut entry = [kind; SIZE];
                entry[..8].copy_from_slice(&key);
                each(&entry)?;
            }
            next.extend(runs[number].next(file)?.map(|entry| of(entry, number)));
        }
        Ok(())
    }
}

/// What is left of a run, a little of it in memory.
struct Run {
    at: u64,
    end: u64,
    buffer: Vec<Entry>,
    used: usize,
}

impl Run {
    fn new(at: u64, end: u64) -> Self {
        Self { at, end, buffer: Vec::new(), used: 0 }
    }

    fn next(&mut self, file: &File) -> io::Result<Option<Entry>> {
        if self.used == self.buffer.len() {
            let left = usize::try_from(self.end - self.at).map_err(io::Error::other)? / SIZE;
            self.buffer.resize(left.min(READ), [0; SIZE]);
            file.read_exact_at(self.buffer.as_flattened_mut(), self.at)?;
            self.at += (self.buffer.len() * SIZE) as u64;
            self.used = 0;
        }
        let entry = self.buffer.get(self.used).copied();
        self.used += 1;
        Ok(entry)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::path_hash;

    fn lists(seen: Seen) -> (Vec<u64>, Vec<u64>) {
        let (folders, others) = seen.finish().unwrap();
        (folders.to_vec().unwrap(), others.to_vec().unwrap())
    }

    #[test]
    fn the_last_time_tells_what_a_path_is() {
        let mut seen = Seen::default();
        for (path, is_folder) in [("a", true), ("b", false), ("a", false), ("b", true), ("c", true), ("c", true)] {
            seen.push(path_hash(path), is_folder);
        }
        let mut expected = vec![path_hash("b"), path_hash("c")];
        expected.sort_unstable();
        assert_eq!(lists(seen), (expected, vec![path_hash("a")]));
    }

    #[test]
    fn a_path_that_comes_a_million_times_is_kept_once() {
        let mut seen = Seen::default();
        for index in 0..300_000 {
            seen.push(index % 2, false);
        }
        assert!(seen.entries.capacity() <= 4 * FIRST_FULL && seen.runs.ends.is_empty());
        assert_eq!(lists(seen).1.len(), 2);
    }

    #[test]
    fn three_million_paths_take_no_more_memory_than_half_a_million() {
        let mut seen = Seen::default();
        // An odd factor: each number once, in no order.
        let hash = |index: u64| index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for index in 0..3_000_000 {
            seen.push(hash(index), index % 10 == 0);
            assert!(seen.entries.capacity() <= 2 * IN_MEMORY);
        }
        let (folders, others) = seen.finish().unwrap();
        assert_eq!((folders.len(), others.len()), (300_000, 2_700_000));
        assert_eq!(others.among(|| vec![hash(1), hash(10), hash(2_999_999)]).unwrap().len(), 2);
    }

    proptest! {
        #[test]
        fn runs_say_what_memory_says(
            pushes in proptest::collection::vec((0u64..60, any::<bool>()), 0..300),
            most in 2usize..40,
        ) {
            let mut in_memory = Seen::default();
            let mut in_runs = Seen { full: most, most, ..Seen::default() };
            for (hash, is_folder) in pushes {
                in_memory.push(hash, is_folder);
                in_runs.push(hash, is_folder);
            }
            prop_assert_eq!(lists(in_runs), lists(in_memory));
        }
    }
}
