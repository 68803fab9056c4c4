//! A record as bytes: eight bytes that say what it is, its version, a checksum, then postcard; and the parts of lists
//! that are too long to be among them.

use std::io;

use thiserror::Error;

use super::path_hashes::Arriving;
use super::{LayerRecord, Link, Owns};
use crate::cataloguers::VERSION;

const MAGIC: &[u8; 8] = b"PLIMLAYR";
const HEADER: usize = MAGIC.len() + 4 + 4;
/// Most bytes of a record, without what is kept beside it.
const LONGEST: usize = 256 << 20;
/// Bytes of a part.
const PART: usize = 1 << 20;

/// Why bytes are not a layer's record that this program can use. All of them mean: make the record anew.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RecordError {
    /// Something else was kept there.
    #[error("the kept bytes are no layer record; the layer is to be read again")]
    Foreign,
    /// Other cataloguers made it.
    #[error("the layer record is of version {0}, this program makes version {VERSION}; the layer is to be read again")]
    Version(u32),
    /// It was changed or cut where it is kept.
    #[error("the layer record is damaged; the layer is to be read again")]
    Damaged,
    /// It is larger than any record may be.
    #[error("the layer record would have {0} bytes, more than the {LONGEST} that one may have")]
    TooLarge(usize),
}

impl LayerRecord {
    /// The bytes to keep.
    pub fn to_bytes(&self) -> Result<Vec<u8>, RecordError> {
        let mut bytes = Vec::with_capacity(HEADER + 1024);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        let mut bytes = postcard::to_extend(self, bytes).map_err(|_| RecordError::Damaged)?;
        if bytes.len() > LONGEST {
            return Err(RecordError::TooLarge(bytes.len()));
        }
        let checksum = crc32fast::hash(&bytes[HEADER..]);
        bytes[HEADER - 4..HEADER].copy_from_slice(&checksum.to_le_bytes());
        Ok(bytes)
    }

    /// Reads what [`LayerRecord::to_bytes`] wrote, and only that.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        if bytes.len() > LONGEST {
            return Err(RecordError::TooLarge(bytes.len()));
        }
        let rest = bytes.strip_prefix(MAGIC).ok_or(RecordError::Foreign)?;
        let (version, rest) = rest.split_first_chunk().ok_or(RecordError::Damaged)?;
        match u32::from_le_bytes(*version) {
            VERSION => {}
            other => return Err(RecordError::Version(other)),
        }
        let (checksum, body) = rest.split_first_chunk().ok_or(RecordError::Damaged)?;
        if crc32fast::hash(body) != u32::from_le_bytes(*checksum) {
            return Err(RecordError::Damaged);
        }
        match postcard::take_from_bytes::<Self>(body) {
            Ok((record, [])) if record.is_sound() => Ok(record),
            _ => Err(RecordError::Damaged),
        }
    }

    /// What is to be kept beside the record, in order; nothing for all but the largest layers.
    pub fn parts(&self) -> impl Iterator<Item = io::Result<Vec<u8>>> + Send + '_ {
        [&self.folders, &self.others].into_iter().flat_map(|list| {
            let begins = (0..list.apart()).step_by(PART);
            begins.map(|at| list.part(at, PART))
        })
    }

    /// Where a record that was read is not whole without what is kept beside it: takes that, part by part.
    pub fn wants_parts(&self) -> Option<Parts> {
        let lists = [&self.folders, &self.others].map(|list| list.awaited().map(Arriving::new));
        lists.iter().any(Option::is_some).then_some(Parts { lists })
    }

    /// Whether the lists that merging searches are sorted, and packages and paths are such as the worker may tell.
    /// The checksum is no signature: bytes that somebody else wrote may come with the right one.
    fn is_sound(&self) -> bool {
        let is_path = |path: &String| !path.is_empty() && path.len() <= 64 << 10 && !path.starts_with('/');
        let facts_are_sound = self.files.iter().all(|file| {
            is_path(&file.path)
                && file.facts.iter().all(|fact| match fact {
                    super::Fact::Package(package) => package.check().is_ok(),
                    super::Fact::Linked(linked) => linked.check().is_ok(),
                    super::Fact::Owns(owns) => owns.files.len() <= Owns::FILES,
                    super::Fact::Release(release) => release.check().is_ok(),
                    super::Fact::Licences(licences) => licences.check().is_ok(),
                    super::Fact::ContentSets(sets) => super::check_content_sets(sets).is_ok(),
                    super::Fact::PackageTable(table) => table.check().is_ok(),
                })
        });
        let is_before = |one: &Link, other: &Link| one.path < other.path;
        facts_are_sound
            && self.whiteouts.iter().all(is_path)
            && self.whiteouts.is_sorted()
            && self.opaque.is_sorted()
            && self.links.is_sorted_by(is_before)
    }
}

/// What is kept beside a record, as it comes.
#[derive(Debug)]
pub struct Parts {
    /// Folders and others, where they are kept so.
    lists: [Option<Arriving>; 2],
}

impl Parts {
    /// Takes the next part.
    pub fn take(&mut self, mut part: &[u8]) -> Result<(), RecordError> {
        for list in self.lists.iter_mut().flatten() {
            list.take(&mut part).map_err(|_| RecordError::Damaged)?;
        }
        if part.is_empty() { Ok(()) } else { Err(RecordError::Damaged) }
    }

    /// Whether there is no more to take.
    pub fn is_whole(&self) -> bool {
        self.lists.iter().flatten().all(Arriving::is_whole)
    }

    /// Makes the record whole.
    pub fn complete(self, record: LayerRecord) -> Result<LayerRecord, RecordError> {
        let [folders, others] = self.lists.map(|list| list.map(Arriving::finish).transpose());
        let folders = folders.map_err(|_| RecordError::Damaged)?.unwrap_or_else(|| record.folders.clone());
        let others = others.map_err(|_| RecordError::Damaged)?.unwrap_or_else(|| record.others.clone());
        Ok(LayerRecord { folders, others, ..record })
    }
}

#[cfg(test)]
mod tests {
    use image::Digest;
    use proptest::prelude::*;

    use super::*;
    use crate::record::{Catalogued, Fact, HashWriter, PathHashes};

    fn record(hashes: &[u64]) -> LayerRecord {
        let hashes = PathHashes::of(hashes.to_vec());
        LayerRecord {
            diff_id: Digest::sha256(b""),
            files: vec![Catalogued {
                path: "etc/os-release".into(),
                cataloguer: "os-release".into(),
                facts: vec![Fact::Release(crate::Release { id: "debian".into(), ..Default::default() })],
                warnings: vec![],
            }],
            whiteouts: vec!["a".into(), "b".into()],
            opaque: vec![String::new()],
            links: vec![Link { path: "lib".into(), target: "usr/lib".into() }],
            folders: hashes.clone(),
            others: hashes,
            complete: true,
            warnings: vec!["x".into()],
            passed_by: vec![],
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(hashes in proptest::collection::vec(any::<u64>(), 0..50)) {
            let record = record(&hashes);
            prop_assert_eq!(LayerRecord::from_bytes(&record.to_bytes().unwrap()).unwrap(), record);
        }

        #[test]
        fn a_changed_byte_is_noticed(at in any::<prop::sample::Index>(), flip in 1u8..) {
            let mut bytes = record(&[1, 2, u64::MAX, 0]).to_bytes().unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            LayerRecord::from_bytes(&bytes).unwrap_err();
        }

        #[test]
        fn bytes_with_a_right_checksum_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let header = [&MAGIC[..], &VERSION.to_le_bytes(), &crc32fast::hash(&body).to_le_bytes()].concat();
            let _ = LayerRecord::from_bytes(&[header, body].concat());
        }
    }

    #[test]
    fn a_record_of_another_version_says_so() {
        let mut bytes = record(&[]).to_bytes().unwrap();
        bytes[8] = 77;
        assert_eq!(LayerRecord::from_bytes(&bytes), Err(RecordError::Version(77)));
        assert_eq!(LayerRecord::from_bytes(b""), Err(RecordError::Foreign));
        assert_eq!(LayerRecord::from_bytes(b"PLIMLAYR\x01"), Err(RecordError::Damaged));
    }

    #[test]
    fn a_cut_record_is_noticed() {
        let bytes = record(&[5, 6]).to_bytes().unwrap();
        for length in 0..bytes.len() {
            LayerRecord::from_bytes(&bytes[..length]).unwrap_err();
        }
    }

    #[test]
    fn a_million_members_lie_beside_the_record() {
        let mut others = HashWriter::default();
        (0..1_000_000).for_each(|number| others.push(number << 40).unwrap());
        let record = LayerRecord { others: others.finish().unwrap(), ..record(&[1, 2]) };
        let bytes = record.to_bytes().unwrap();
        assert!(bytes.len() < 1000, "{}", bytes.len());
        let read = LayerRecord::from_bytes(&bytes).unwrap();
        assert_ne!(read, record, "not whole yet");
        let mut parts = read.wants_parts().unwrap();
        for part in record.parts() {
            assert!(!parts.is_whole());
            parts.take(&part.unwrap()).unwrap();
        }
        assert!(parts.is_whole());
        assert_eq!(parts.take(b"x"), Err(RecordError::Damaged), "more than was said");
        assert_eq!(parts.complete(read).unwrap(), record);

        let read = LayerRecord::from_bytes(&bytes).unwrap();
        let unread = crate::merge(&[super::tests::record(&[3]), read.clone()]).unread;
        assert!(unread[0].contains("layer 1"), "what is not read hides nothing and is said: {unread:?}");
        assert_eq!(read.wants_parts().unwrap().complete(read), Err(RecordError::Damaged));
    }

    #[test]
    fn a_hundred_thousand_members_take_seven_bytes_each() {
        let hashes: Vec<_> = (0..100_000).map(|number| crate::record::path_hash(&format!("usr/{number}"))).collect();
        let mut record = record(&hashes);
        record.folders = PathHashes::default();
        let bytes = record.to_bytes().unwrap().len();
        assert!(bytes < 720_000, "{bytes}");
    }
}
