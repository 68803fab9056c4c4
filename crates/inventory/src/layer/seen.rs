//! The hashes of all paths of a layer, nine bytes each while it is walked.

/// Paths seen, in order: the last time that a path was seen tells what it is.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The hash, high byte first so that entries sort by it, and whether it is a folder.
    entries: Vec<[u8; 9]>,
    /// Length at which duplicates are thrown out.
    full: usize,
}

const FIRST_FULL: usize = 64 << 10;

impl Seen {
    /// A path was seen, by its [`path_hash`](crate::record::path_hash).
    pub(super) fn push(&mut self, hash: u64, is_folder: bool) {
        if self.entries.len() >= self.full.max(FIRST_FULL) {
            self.compact();
            self.full = self.entries.len() * 2;
        }
        let mut entry = [0; 9];
        entry[..8].copy_from_slice(&hash.to_be_bytes());
        entry[8] = u8::from(is_folder);
        self.entries.push(entry);
    }

    /// Sorted hashes of folders, and of everything else.
    pub(super) fn finish(mut self) -> (Vec<u64>, Vec<u64>) {
        self.compact();
        let of_kind = |kind: u8| {
            let entries = self.entries.iter().filter(|entry| entry[8] == kind);
            entries.map(|entry| entry[..8].iter().fold(0, |hash, byte| hash << 8 | u64::from(*byte))).collect()
        };
        (of_kind(1), of_kind(0))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::path_hash;

    #[test]
    fn the_last_time_tells_what_a_path_is() {
        let mut seen = Seen::default();
        for (path, is_folder) in [("a", true), ("b", false), ("a", false), ("b", true), ("c", true), ("c", true)] {
            seen.push(path_hash(path), is_folder);
        }
        let (folders, others) = seen.finish();
        let mut expected = vec![path_hash("b"), path_hash("c")];
        expected.sort_unstable();
        assert_eq!((folders, others), (expected, vec![path_hash("a")]));
    }

    #[test]
    fn a_path_that_comes_a_million_times_is_kept_once() {
        let mut seen = Seen::default();
        for index in 0..300_000 {
            seen.push(index % 2, false);
        }
        assert!(seen.entries.capacity() <= 4 * FIRST_FULL);
        assert_eq!(seen.finish().1.len(), 2);
    }
}
