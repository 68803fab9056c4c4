//! What is broken or meant to harm costs itself: it is named, skipped and counted, or refused as a whole, and never
//! takes its neighbours, memory without bound, or the process with it.

use std::io::Write as _;

use advisory::index::Compiled;
use advisory::sources::{self, Limits, osv::Input};
use flate2::write::GzEncoder;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::support::{import, import_within, record, tar_of, zip_of};

const SMALL: Limits = Limits { record: 1 << 20, unpacked: 8 << 20, ratio: 0, records: 1000, depth: 3 };

fn good(id: &str) -> String {
    record(id, "PyPI", "a", "0", "1")
}

fn counts(imported: Result<Compiled, sources::ImportError>) -> (u64, u64) {
    let counts = imported.expect("an import").info.counts;
    (counts.records, counts.skipped)
}

fn message(imported: Result<Compiled, sources::ImportError>) -> String {
    let error = imported.expect_err("a refusal");
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[test]
fn a_malformed_record_among_good_ones_is_named_skipped_and_counted() {
    let archive = zip_of(&[
        ("A-1.json", good("A-1").as_bytes()),
        ("broken.json", b"{\"id\": "),
        ("latin1.json", b"{\"id\": \"\xE9\"}"),
        ("empty.json", b""),
        ("LICENSE", b"not looked at"),
        ("A-2.json", good("A-2").as_bytes()),
    ]);
    let compiled = import("all.zip", &archive).expect("an import");
    let counts = &compiled.info.counts;
    assert_eq!((counts.records, counts.skipped), (2, 3));
    let named: Vec<_> = counts.skipped_examples.iter().map(|skipped| skipped.name.as_str()).collect();
    assert_eq!(named, ["all.zip:broken.json", "all.zip:latin1.json", "all.zip:empty.json"]);
}

#[test]
fn every_container_gives_the_same_records() {
    let first = good("A-1");
    let second = good("A-2");
    let files: &[(&str, &[u8])] = &[("x/A-1.json", first.as_bytes()), ("x/A-2.json", second.as_bytes())];
    let gzip = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory")
    };
    let zstd = |bytes: &[u8]| ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest);
    let tar = tar_of(files);
    let two_frames = [zstd(&tar[..700]), zstd(&tar[700..])].concat();
    let list = format!("[{first},\n{second}]");
    for (name, bytes) in [
        ("all.zip", zip_of(files)),
        ("a.tar", tar.clone()),
        ("a.tar.gz", gzip(&tar)),
        ("a.tar.zst", zstd(&tar)),
        ("frames.tar.zst", two_frames),
        ("list.json", list.clone().into_bytes()),
        ("lines.jsonl", format!("{}\n{}\n", first.replace('\n', " "), second.replace('\n', " ")).into_bytes()),
        ("list.json.gz", gzip(list.as_bytes())),
        ("without-an-ending", list.into_bytes()),
    ] {
        assert_eq!(counts(import(name, &bytes)), (2, 0), "{name}");
    }
}

#[test]
fn a_folder_is_read_with_its_folders_and_without_its_links() {
    let folder = TempDir::new().expect("a folder");
    let outside = TempDir::new().expect("a folder");
    std::fs::write(outside.path().join("secret.json"), good("SECRET-1")).expect("a file");
    let inner = folder.path().join("a/b");
    std::fs::create_dir_all(&inner).expect("folders");
    std::fs::write(inner.join("A-1.json"), good("A-1")).expect("a file");
    std::fs::write(folder.path().join("README.md"), "not looked at").expect("a file");
    std::os::unix::fs::symlink(outside.path(), folder.path().join("link")).expect("a link");
    std::os::unix::fs::symlink(outside.path().join("secret.json"), inner.join("link.json")).expect("a link");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        inner.join("pipe.json"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .expect("a pipe");
    let read = |limits| sources::import(Input::open(folder.path()).expect("the folder"), "x", folder.path(), limits);
    assert_eq!(counts(read(Limits::default())), (1, 0));
    assert!(message(read(Limits { depth: 1, ..SMALL })).contains("deeper than 1 folders"));
}

#[test]
fn names_that_leave_the_archive_mean_nothing() {
    let record = good("A-1");
    let names = ["../../etc/x.json", "/etc/y.json", "a/../../z.json"];
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (*name, record.as_bytes())).collect();
    for (name, bytes) in [("a.tar", tar_of(&files)), ("a.zip", zip_of(&files))] {
        let compiled = import(name, &bytes).expect("an import");
        assert_eq!((compiled.info.counts.records, compiled.info.counts.duplicates), (1, 2), "{name}");
    }
}

#[test]
fn an_archive_cut_off_anywhere_is_refused_or_read_up_to_there() {
    let records: Vec<String> = (0..20).map(|number| good(&format!("A-{number}"))).collect();
    let names: Vec<String> = (0..20).map(|number| format!("A-{number}.json")).collect();
    let files: Vec<(&str, &[u8])> =
        names.iter().zip(&records).map(|(name, record)| (name.as_str(), record.as_bytes())).collect();
    let tar = tar_of(&files);
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&tar).expect("memory");
    let gzip = encoder.finish().expect("memory");
    let zip = zip_of(&files);
    for (name, bytes) in [("a.zip", zip), ("a.tar.gz", gzip)] {
        for at in (0..bytes.len()).step_by(97) {
            let text = message(import(name, &bytes[..at]));
            assert!(text.contains(name), "{text}");
        }
    }
}

#[test]
fn a_decompression_bomb_is_refused() {
    let zeros = vec![b' '; 2 << 20];
    let names: Vec<String> = (0..50).map(|number| format!("{number}.json")).collect();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), zeros.as_slice())).collect();
    let zip = zip_of(&files);
    assert!(zip.len() < 1 << 20);
    assert!(message(import_within("bomb.zip", &zip, SMALL)).contains("bomb"));
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..50 {
        encoder.write_all(&zeros).expect("memory");
    }
    let gzip = encoder.finish().expect("memory");
    assert!(message(import_within("bomb.json.gz", &gzip, SMALL)).len() > 10);
    // Not one JSON file among endless others.
    let other: Vec<(&str, &[u8])> = names.iter().map(|_| ("other.bin", zeros.as_slice())).collect();
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&tar_of(&other)).expect("memory");
    assert!(message(import_within("bomb.tar.gz", &encoder.finish().expect("memory"), SMALL)).contains("bomb"));
}

/// A tar whose file has its name in a member before it, of a kind that takes so many bytes.
fn tar_with(kind: tar::EntryType, before: &[u8]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(before.len() as u64);
    header.set_path("before").expect("a short name");
    header.set_cksum();
    archive.append(&header, before).expect("memory");
    let mut header = tar::Header::new_gnu();
    header.set_size(good("A-1").len() as u64);
    header.set_path("short").expect("a short name");
    header.set_cksum();
    archive.append(&header, good("A-1").as_bytes()).expect("memory");
    archive.into_inner().expect("memory")
}

#[test]
fn a_name_of_megabytes_in_a_tar_is_not_kept() {
    let long = [b"a".repeat(3 << 20), b".json\0".to_vec()].concat();
    for kind in [tar::EntryType::GNULongName, tar::EntryType::GNULongLink, tar::EntryType::XHeader] {
        let reason = message(import_within("names.tar", &tar_with(kind, &long), SMALL));
        assert!(reason.contains("an extended header is larger"), "{reason}");
    }
}

#[test]
fn a_name_before_its_file_in_a_tar_is_its_name() {
    let long = format!("{}/A-1.json", "folder/".repeat(30));
    let record = format!("{} path={long}\n", long.len() + 10);
    let named = [
        tar_with(tar::EntryType::GNULongName, format!("{long}\0").as_bytes()),
        tar_with(tar::EntryType::XHeader, record.as_bytes()),
    ];
    for archive in named {
        assert_eq!(counts(import("names.tar", &archive)), (1, 0));
    }
}

#[test]
fn more_records_than_anyone_publishes_are_refused() {
    let lines: String = (0..2000).map(|_| "{}\n").collect();
    assert!(message(import_within("many.jsonl", lines.as_bytes(), SMALL)).contains("1000"));
}

#[test]
fn a_record_of_a_gigabyte_is_skipped_and_its_neighbour_read() {
    // A file with a hole, so that it takes no room: a string of NULs.
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("long.json");
    let mut file = std::fs::File::create(&path).expect("a file");
    file.write_all(b"[{\"id\": \"LONG-1\", \"modified\": \"2026-01-01T00:00:00Z\", \"details\": \"").expect("room");
    std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(1 << 30)).expect("a hole");
    file.write_all(b"\"},").and_then(|()| file.write_all(good("A-1").as_bytes())).expect("room");
    file.write_all(b"]").expect("room");
    let input = Input::open(&path).expect("the file");
    assert_eq!(counts(sources::import(input, "long", folder.path(), Limits::default())), (1, 1));
}

#[test]
fn nesting_without_end_costs_its_own_record() {
    let deep = format!("{{\"id\": {}{}}}\n{}", "[".repeat(300_000), "]".repeat(300_000), good("A-1"));
    assert_eq!(counts(import("deep.json", deep.as_bytes())), (1, 1));
    let objects = format!("{}{}\n{}", "{\"a\":".repeat(100_000), "}".repeat(100_000), good("A-1"));
    assert_eq!(counts(import("deep.json", objects.as_bytes())), (1, 1));
}

#[test]
fn a_record_with_more_events_than_any_real_one_is_skipped() {
    let events: Vec<String> = (0..5000).map(|number| format!(r#"{{"fixed": "{number}"}}"#)).collect();
    let long = format!(
        r#"{{"id": "LONG-1", "modified": "2026-01-01T00:00:00Z", "affected": [{{"package": {{"ecosystem": "PyPI", "name": "a"}},
        "ranges": [{{"type": "ECOSYSTEM", "events": [{}]}}]}}]}}"#,
        events.join(",")
    );
    assert_eq!(counts(import("long.json", format!("{long}\n{}", good("A-1")).as_bytes())), (1, 1));
}

#[test]
fn what_is_no_export_is_refused_by_what_it_is() {
    for (name, bytes, said) in [
        ("page.html", &b"<!DOCTYPE html><html>"[..], "3c 21 44"),
        ("nothing", b"", "empty"),
        ("other.zip", &zip_of(&[("README", b"x")]), "without a .json file"),
        ("other.tar", &tar_of(&[("README", b"x")]), "without a .json file"),
    ] {
        let text = message(import(name, bytes));
        assert!(text.contains(name) && text.contains(said) && text.contains(".tar.zst"), "{text}");
    }
    assert!(message(import("empty.zip", &zip_of(&[]))).contains("it is empty"));
    assert!(message(import("all-broken.json", b"{}")).contains("missing field `id`"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(begin in 0_usize..6, bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let magic: [&[u8]; 6] = [b"", b"PK\x03\x04", b"\x28\xB5\x2F\xFD", b"\x1F\x8B\x08\x00", b"{", b"[{\"id\":"];
        let all = [magic[begin], &bytes].concat();
        let _ = import_within("any", &all, SMALL);
    }

    #[test]
    fn a_flipped_byte_in_a_zip_is_read_or_refused(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let mut zip = zip_of(&[("A-1.json", good("A-1").as_bytes()), ("A-2.json", good("A-2").as_bytes())]);
        let at = at.index(zip.len());
        zip[at] ^= 1 << bit;
        let _ = import_within("any.zip", &zip, SMALL);
    }
}
