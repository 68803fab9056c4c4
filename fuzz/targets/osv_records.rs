//! A file of advisories of any shape: read within bounds, compiled, and the index that came of it is sound.
#![no_main]

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use advisory::Index;
use advisory::index::Writer;
use advisory::sources::{self, Limits, osv::Input};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { record: 1 << 16, unpacked: 1 << 20, ratio: 20, records: 200, depth: 3 };

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().unwrap();
    let mut file: File = tempfile::tempfile_in(folder.path()).unwrap();
    file.write_all(bytes).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    let input = Input { name: "fuzz".into(), file };
    let Ok(segment) = sources::import(input, "fuzz", folder.path(), LIMITS) else { return };
    let counts = segment.info.counts.clone();
    let mut writer = Writer::lock(&folder.path().join(Index::FILE), &|_| {}).unwrap();
    let index = writer.commit(&[segment], &[]).unwrap();
    index.check().unwrap();
    assert_eq!(index.segments().next().unwrap().counts, counts);
    for (ecosystem, _) in index.ecosystems("fuzz").unwrap() {
        assert!(index.covers(&ecosystem).unwrap());
        index.verdict_by_name(&ecosystem, "a", "1.0").unwrap();
    }
});
