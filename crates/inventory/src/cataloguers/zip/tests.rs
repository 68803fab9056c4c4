//! Archives that another program wrote, and archives that lie.

use std::io::{Cursor, Read, Seek, SeekFrom, Write};

use proptest::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{Archive, Budget, Nested};

const METHODS: [CompressionMethod; 2] = [CompressionMethod::Stored, CompressionMethod::Deflated];

fn archive_of(files: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, content) in files {
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Everything in an archive, or why not.
fn read_all(bytes: &[u8], budget: &Budget) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut content = Cursor::new(bytes);
    let mut archive = Archive::open(&mut content, bytes.len() as u64, budget)?;
    let (entries, error) = archive.entries(100, |_| true);
    let mut all = Vec::new();
    for entry in &entries {
        let mut bytes = Vec::new();
        archive.read(entry)?.take(32 << 20).read_to_end(&mut bytes)?;
        all.push((entry.name.clone(), bytes));
    }
    error.map_or(Ok(all), Err)
}

fn as_owned(files: &[(&str, &[u8])]) -> Vec<(String, Vec<u8>)> {
    files.iter().map(|(name, content)| ((*name).to_owned(), content.to_vec())).collect()
}

#[test]
fn what_another_program_packed_is_read() {
    let long = b"abc".repeat(100_000);
    let files: [(&str, &[u8]); 3] = [("a", b"one"), ("b/c", &long), ("empty", b"")];
    for method in METHODS {
        let bytes = archive_of(&files, method);
        assert_eq!(read_all(&bytes, &Budget::default()).unwrap(), as_owned(&files));
        let prefixed = [b"#!/bin/sh\nexec java -jar \"$0\"\n".to_vec(), bytes.clone()].concat();
        assert_eq!(read_all(&prefixed, &Budget::default()).unwrap(), as_owned(&files), "a script stands before it");
        let padded = [bytes, vec![0; 100]].concat();
        assert_eq!(read_all(&padded, &Budget::default()).unwrap(), as_owned(&files), "padding stands behind it");
    }
}

#[test]
fn a_large_archive_has_its_sizes_elsewhere() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("a", SimpleFileOptions::default().large_file(true)).unwrap();
    writer.write_all(b"content").unwrap();
    let mut bytes = writer.finish().unwrap().into_inner();
    // The end record says that the large one before it counts, as programs write that stream.
    let end = bytes.len() - 22;
    let quad = |value: u64| value.to_le_bytes();
    let (length, start) = (&bytes[end + 12..end + 16], &bytes[end + 16..end + 20]);
    let [length, start] = [length, start].map(|bytes| u64::from(u32::from_le_bytes(bytes.try_into().unwrap())));
    let record =
        [b"PK\x06\x06".to_vec(), quad(44).to_vec(), vec![0; 28], quad(length).into(), quad(start).into()].concat();
    let locator = [b"PK\x06\x07".to_vec(), vec![0; 4], quad(end as u64).into(), vec![1, 0, 0, 0]].concat();
    bytes[end + 12..end + 20].fill(0xff);
    bytes.splice(end..end, [record, locator].concat());
    assert_eq!(read_all(&bytes, &Budget::default()).unwrap(), as_owned(&[("a", b"content")]));
    let prefixed = [vec![b'x'; 77], bytes].concat();
    assert_eq!(read_all(&prefixed, &Budget::default()).unwrap(), as_owned(&[("a", b"content")]));
}

#[test]
fn a_bomb_ends_with_the_budget() {
    let bytes = archive_of(&[("bomb", &vec![0; 20 << 20])], CompressionMethod::Deflated);
    assert!(bytes.len() < 100 << 10);
    let error = read_all(&bytes, &Budget::new(1 << 20, 100)).unwrap_err();
    assert_eq!(error.to_string(), "it inflates to more than may be read of one file");
}

#[test]
fn more_entries_than_are_looked_at_are_said() {
    let names: Vec<String> = (0..50).map(|index| format!("{index}")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let bytes = archive_of(&files, CompressionMethod::Stored);
    let error = read_all(&bytes, &Budget::new(1 << 20, 49)).unwrap_err();
    assert_eq!(error.to_string(), "it has more entries than are looked at of one file");
    let (mut content, budget) = (Cursor::new(&bytes), Budget::default());
    let mut archive = Archive::open(&mut content, bytes.len() as u64, &budget).unwrap();
    let (entries, error) = archive.entries(10, |name| name.len() == 2);
    assert_eq!(entries.len(), 10);
    assert_eq!(error.unwrap().to_string(), "it has more than the 10 entries that are read of one archive");
}

#[test]
fn what_is_no_archive_says_so() {
    for bytes in [&b""[..], b"PK", b"PK\x05\x06", &[0; 10_000]] {
        let error = read_all(bytes, &Budget::default()).unwrap_err();
        assert_eq!(error.to_string(), "it is no zip archive, or its end is missing");
    }
    let mut cut = archive_of(&[("a", b"one")], CompressionMethod::Stored);
    cut.drain(..10);
    assert!(read_all(&cut, &Budget::default()).is_err());
}

/// An archive in an archive, larger than is held in memory.
#[test]
fn a_large_nested_archive_is_read_without_being_held() {
    let noise: Vec<u8> = (0..12u32 << 20).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let files: [(&str, &[u8]); 3] = [("first", b"one"), ("noise", &noise), ("last", b"two")];
    let inner = archive_of(&files, CompressionMethod::Stored);
    for method in METHODS {
        let outer = archive_of(&[("inner.jar", &inner)], method);
        let (mut content, budget) = (Cursor::new(&outer), Budget::default());
        let mut archive = Archive::open(&mut content, outer.len() as u64, &budget).unwrap();
        let entry = archive.entries(1, |_| true).0.remove(0);
        assert_eq!(entry.size, inner.len() as u64);
        let mut nested = Nested::open(&mut archive, &entry).unwrap();
        assert!(!matches!(nested, Nested::InMemory(_)));
        let mut archive = Archive::open(&mut nested, entry.size, &budget).unwrap();
        let (entries, _) = archive.entries(10, |name| name != "noise");
        let mut read = Vec::new();
        for entry in &entries {
            archive.read(entry).unwrap().read_to_end(&mut read).unwrap();
        }
        assert_eq!(read, b"onetwo");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is sought and read of deflated bytes is what a cursor over the inflated ones gives.
    #[test]
    fn seeking_in_deflated_bytes_is_seeking_in_bytes(moves in proptest::collection::vec((0u64..10 << 20, 0usize..5000), 1..8)) {
        let plain: Vec<u8> = (0..9u32 << 20).map(|index| (index / 1000) as u8).collect();
        let outer = archive_of(&[("x", &plain)], CompressionMethod::Deflated);
        let (mut content, budget) = (Cursor::new(&outer), Budget::default());
        let mut archive = Archive::open(&mut content, outer.len() as u64, &budget).unwrap();
        let entry = archive.entries(1, |_| true).0.remove(0);
        let mut nested = Nested::open(&mut archive, &entry).unwrap();
        prop_assert!(matches!(nested, Nested::Deflated(_)));
        let mut expected = Cursor::new(&plain);
        for (position, length) in moves {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            nested.seek(SeekFrom::Start(position)).unwrap();
            expected.seek(SeekFrom::Start(position)).unwrap();
            (&mut nested).take(length as u64).read_to_end(&mut ours).unwrap();
            (&mut expected).take(length as u64).read_to_end(&mut theirs).unwrap();
            prop_assert_eq!(ours, theirs);
        }
    }

    /// No change of some bytes makes reading panic or go on without end.
    #[test]
    fn a_damaged_archive_is_an_error_or_less(changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut bytes = archive_of(&[("META-INF/MANIFEST.MF", b"A: b\n"), ("x", &[7; 5000])], CompressionMethod::Deflated);
        for (place, byte) in changes {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = read_all(&bytes, &Budget::new(64 << 20, 1000));
    }
}
