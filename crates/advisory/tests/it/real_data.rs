//! The real sets of the shared test data are read whole: the counts are those that their packer counted.

use advisory::Index;
use advisory::index::Writer;
use advisory::sources::{self, Limits, osv::Input};

use crate::support::{data, matches};

/// File, records by SOURCES.md, of those withdrawn, of those a second copy of another.
const SETS: &[(&str, u64, u64, u64)] = &[
    ("pypi-pypa", 2661, 10, 0),
    ("go-vulndb", 4291, 17, 0),
    ("crates.io-rustsec", 1206, 13, 0),
    // 34 advisories lie in the folders of two releases, word for word the same.
    ("almalinux-8-9", 5020, 0, 34),
    ("bitnami", 7444, 0, 0),
    ("hackage-hsec", 35, 0, 0),
    ("cran-rsec", 14, 0, 0),
    ("homebrew", 43, 0, 0),
];

#[test]
fn every_record_of_every_set_is_read() {
    if data("osv").is_none() {
        return;
    }
    let folder = tempfile::TempDir::new().expect("a folder");
    let mut segments = Vec::new();
    for (name, records, withdrawn, duplicates) in SETS {
        let Some(path) = data(&format!("osv/{name}.osv.tar.zst")) else { return };
        let input = Input::open(&path).expect("the archive");
        let segment = sources::import(input, name, folder.path(), Limits::default()).expect("an import");
        let counts = &segment.info.counts;
        assert_eq!(counts.skipped, 0, "{name}: {:?}", counts.skipped_examples);
        assert_eq!((counts.withdrawn, counts.duplicates), (*withdrawn, *duplicates), "{name}");
        assert_eq!(counts.records + counts.withdrawn + counts.duplicates, *records, "{name}");
        segments.push(segment);
    }
    let mut writer = Writer::lock(&folder.path().join(Index::FILE), &|_| {}).expect("the lock");
    let index = writer.commit(&segments, &[]).expect("an index");
    index.check().expect("a sound index");
    let django: Vec<String> = matches(&index, "PyPI", "Django", "2.2.0").into_iter().map(|found| found.id).collect();
    assert!(django.contains(&"PYSEC-2019-16".to_owned()), "{django:?}");
    for ecosystem in ["PyPI", "Go", "crates.io", "AlmaLinux:9", "Bitnami", "Hackage", "CRAN", "Homebrew"] {
        assert!(index.covers(ecosystem).expect("sound"), "{ecosystem}");
    }
    assert!(!index.covers("AlmaLinux:7").expect("sound"));
    let record = index.record("RUSTSEC-2025-0156").expect("sound").expect("the record");
    assert!(!record.details.is_empty());
}
