//! A damaged index is an error that says how to make a new one. It is never a panic, and never fewer findings.

use std::path::Path;

use advisory::{Index, IndexError, Match};

use crate::support::{Library, record};

fn library() -> Library {
    Library::of(&[
        &record("A-1", "PyPI", "alpha", "0", "2.0"),
        &record("A-2", "PyPI", "beta", "1.0", "3.0"),
        &record("B-1", "Debian:12", "glibc", "0", "2.36-9+deb12u9"),
        r#"{"id": "C-1", "modified": "2026-01-01T00:00:00Z", "aliases": ["CVE-2026-1"], "severity": [{"type": "CVSS_V3",
        "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}], "affected": [{"package": {"ecosystem": "npm", "name": "c"},
        "versions": ["1.0.0"]}]}"#,
    ])
}

/// Everything that can be asked of the small index.
fn answers(path: &Path) -> Result<(Vec<Match>, Vec<String>), IndexError> {
    let index = Index::require(path)?;
    let mut found = Vec::new();
    for (ecosystem, name, version) in
        [("PyPI", "alpha", "1.0"), ("PyPI", "beta", "2.0"), ("Debian:12", "glibc", "2.36-1"), ("npm", "c", "1.0.0")]
    {
        match index.verdict_by_name(ecosystem, name, version)? {
            advisory::Verdict::Covered(matches) => found.extend(matches),
            advisory::Verdict::Unknown { ecosystem } => panic!("{ecosystem} is not known any more"),
        }
    }
    let mut texts = vec![index.identity().id];
    for id in ["A-1", "A-2", "B-1", "C-1"] {
        texts.push(index.record(id)?.map(|details| details.details).unwrap_or_default());
    }
    index.check()?;
    Ok((found, texts))
}

#[test]
fn a_change_of_any_byte_is_noticed() {
    let library = library();
    let path = library.path();
    let whole = std::fs::read(&path).expect("the index");
    let sound = answers(&path).expect("a sound index");
    let other = library.folder.path().join("damaged.idx");
    for at in 0..whole.len() {
        for flip in [0x01, 0x80, 0xFF] {
            let mut damaged = whole.clone();
            damaged[at] ^= flip;
            std::fs::write(&other, &damaged).expect("a file");
            match answers(&other) {
                Ok(found) => assert_eq!(found, sound, "byte {at} flipped by {flip} changed the answer unnoticed"),
                Err(error) => assert!(error.to_string().contains("plimsoll db update"), "{error}"),
            }
        }
    }
}

#[test]
fn an_index_cut_off_anywhere_is_refused() {
    let library = library();
    let whole = std::fs::read(library.path()).expect("the index");
    let other = library.folder.path().join("short.idx");
    for length in 0..whole.len() {
        std::fs::write(&other, &whole[..length]).expect("a file");
        assert!(answers(&other).is_err(), "{length} bytes of {}", whole.len());
    }
}

#[test]
fn the_error_says_what_the_file_is_and_what_to_do() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join(Index::FILE);
    assert!(Index::open(&path).expect("no error").is_none());
    let missing = Index::require(&path).expect_err("nothing there").to_string();
    assert!(missing.contains("plimsoll db update") && missing.contains("plimsoll db import"), "{missing}");
    std::fs::write(&path, "SQLite format 3\0".repeat(20)).expect("a file");
    assert!(matches!(Index::open(&path), Err(IndexError::Foreign { .. })));
    let library = library();
    let mut newer = std::fs::read(library.path()).expect("the index");
    newer[8] = 99;
    std::fs::write(&path, &newer).expect("a file");
    let version = Index::open(&path).expect_err("a newer format").to_string();
    assert!(version.contains("format 99") && version.contains("rm "), "{version}");
}

#[test]
fn damage_is_not_copied_into_the_next_index() {
    let records: Vec<String> =
        (0..200).map(|number| record(&format!("A-{number}"), "PyPI", &format!("p{number}"), "0", "2.0")).collect();
    let library = Library::of(&records.iter().map(String::as_str).collect::<Vec<_>>());
    let mut bytes = std::fs::read(library.path()).expect("the index");
    // Behind the header and the block that is read when the index is opened.
    bytes[10_000] ^= 1;
    std::fs::write(library.path(), &bytes).expect("the index");
    let added = crate::support::compile(library.folder.path(), "other", &[&record("Z-1", "npm", "z", "0", "1")]);
    let mut writer = advisory::index::Writer::lock(&library.path(), &|_| {}).expect("header and directory are whole");
    assert!(matches!(writer.commit(&[added], &[]), Err(IndexError::Damaged { .. })));
    assert_eq!(std::fs::read(library.path()).expect("the index"), bytes);
}

/// The header's length, the block's, and where the segment begins: see `src/index/format.rs`.
const HEADER: usize = 44;
const BLOCK: usize = 4096;

#[test]
fn whoever_makes_the_checksums_right_too_gets_an_error_at_worst() {
    let library = library();
    let whole = std::fs::read(library.path()).expect("the index");
    let number = |at: usize| u64::from_le_bytes(whole[at..at + 8].try_into().expect("eight bytes"));
    let directory: serde_json::Value =
        serde_json::from_slice(&whole[number(16) as usize..][..number(24) as usize]).expect("the directory");
    let length = directory["segments"][0]["length"].as_u64().expect("a length") as usize;
    let other = library.folder.path().join("forged.idx");
    for at in 0..length {
        for flip in [0x01, 0x80, 0xFF] {
            let mut forged = whole.clone();
            forged[HEADER + at] ^= flip;
            for (block, bytes) in whole[HEADER..HEADER + length].chunks(BLOCK).enumerate() {
                let begin = HEADER + block * BLOCK;
                let checksum = crc32fast::hash(&forged[begin..begin + bytes.len()]);
                forged[HEADER + length + block * 4..][..4].copy_from_slice(&checksum.to_le_bytes());
            }
            std::fs::write(&other, &forged).expect("a file");
            let Ok(index) = Index::require(&other) else { continue };
            for (ecosystem, name) in [("PyPI", "alpha"), ("PyPI", "beta"), ("Debian:12", "glibc"), ("npm", "c")] {
                let _ = index.verdict_by_name(ecosystem, name, "1.0");
                let _ = index.covers(ecosystem);
            }
            for id in ["A-1", "A-2", "B-1", "C-1"] {
                let _ = index.record(id);
            }
            let _ = index.ecosystems("own");
        }
    }
}
