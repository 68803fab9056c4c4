//! A segment of any bytes, with a header, directory and checksums that are right: every place that it names is
//! checked when it is followed, so that the worst is an error.
#![no_main]

use advisory::Index;
use inventory::package::{Linked, Located};
use inventory::{Inventory, Package, PackageKind, Release};
use libfuzzer_sys::fuzz_target;

const BLOCK: usize = 4096;

fuzz_target!(|segment: &[u8]| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(Index::FILE);
    std::fs::write(&path, file_of(segment)).unwrap();
    let Ok(Some(index)) = Index::open(&path) else { return };
    index.check().unwrap();
    let _ = index.ecosystems("fuzz");
    for (ecosystem, name) in [("PyPI", "alpha"), ("PyPI", "beta"), ("npm", "c"), ("Debian:12", "glibc")] {
        let _ = index.covers(ecosystem);
        for version in ["1.0", "2.0", "2.36-1"] {
            let _ = index.verdict_by_name(ecosystem, name, version);
        }
    }
    for id in ["A-1", "B-1", "C-1"] {
        let _ = index.record(id);
    }
    let _ = index.records_naming("CVE-2026-0001");
    judge(&index);
});

/// As a package of an image is judged, which follows more of a record's places.
fn judge(index: &Index) {
    let packages = [
        Package::new(PackageKind::Golang, "example.com/m", "1.0.0"),
        Package::new(PackageKind::Rpm, "nodejs", "1:16.20.2-1.module_el8.9.0+3637+d6d1c5d1"),
    ];
    for package in packages {
        let module = package.name.clone();
        let located = Located { package, purl: String::new(), path: "/server".into(), layer: 0, owner: None };
        let linked = vec![("/server".to_owned(), Linked { module, built_for: None, packages: Vec::new() })];
        let release = Release { id: "almalinux".into(), version_id: "8".into(), ..Release::default() };
        let inventory = Inventory { release: Some(release), linked, ..Inventory::default() };
        let _ = index.verdict_in(&located, &inventory);
    }
}

/// An index file around a segment; its layout is described in `crates/advisory/src/index/format.rs`.
fn file_of(segment: &[u8]) -> Vec<u8> {
    let mut file = vec![0; 44];
    file.extend_from_slice(segment);
    for block in segment.chunks(BLOCK) {
        file.extend_from_slice(&crc32fast::hash(block).to_le_bytes());
    }
    let directory = format!(
        r#"{{"built_at": "", "segments": [{{"offset": 44, "length": {}, "name": "fuzz", "origin": "", "fetched_at": "",
        "content": "", "records": 0, "packages": 0, "withdrawn": 0, "duplicates": 0, "commits_only": 0,
        "without_package": 0, "skipped": 0, "skipped_examples": [], "kev": 1, "epss": 1}}]}}"#,
        segment.len()
    );
    let offset = file.len() as u64;
    file.extend_from_slice(directory.as_bytes());
    let length = file.len() as u64;
    file[..8].copy_from_slice(b"PLIMSADV");
    file[8..12].copy_from_slice(&3_u32.to_le_bytes());
    file[12..16].copy_from_slice(&crc32fast::hash(directory.as_bytes()).to_le_bytes());
    file[16..24].copy_from_slice(&offset.to_le_bytes());
    file[24..32].copy_from_slice(&(directory.len() as u64).to_le_bytes());
    file[32..40].copy_from_slice(&length.to_le_bytes());
    let checksum = crc32fast::hash(&file[..40]);
    file[40..44].copy_from_slice(&checksum.to_le_bytes());
    file
}
