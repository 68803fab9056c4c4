//! One set of packages in each form of database. The headers are rpm's own, out of packages that rpmbuild made; SQLite
//! and Berkeley DB wrote their files with their smallest pages, and the NDB file is laid out as rpm does it.

use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::record::{Fact, path_hash};

const SQLITE: &[u8] = include_bytes!("../../../../../fuzz/seeds/rpm_sqlite/whole");
const BEFORE_THE_LOG: &[u8] = include_bytes!("../../../../../fuzz/seeds/rpm_sqlite/before-the-log");
const LOG: &[u8] = include_bytes!("../../../../../fuzz/seeds/rpm_log/log");
const NDB: &[u8] = include_bytes!("../../../../../fuzz/seeds/rpm_ndb/slots");
const BDB: &[u8] = include_bytes!("../../../../../fuzz/seeds/rpm_bdb/little-endian");
const BDB_BIG_ENDIAN: &[u8] = include_bytes!("../../../../../fuzz/seeds/rpm_bdb/big-endian");

const FORMS: [(&str, &[u8]); 4] =
    [("SQLite", SQLITE), ("NDB", NDB), ("Berkeley DB", BDB), ("Berkeley DB, big-endian", BDB_BIG_ENDIAN)];

fn read(bytes: &[u8]) -> (Vec<Fact>, Vec<String>) {
    let mut told = Told::default();
    let mut content = Cursor::new(bytes);
    Rpm.catalogue(&mut Member::new("var/lib/rpm/Packages", bytes.len() as u64, &mut content), &mut told);
    let (mut facts, warnings) = told.into_parts();
    // Where packages are in a database is for merging, and other in each form.
    facts.retain(|fact| !matches!(fact, Fact::PackageTable(_)));
    (facts, warnings)
}

fn names(facts: &[Fact]) -> Vec<&str> {
    let name = |fact: &'_ Fact| if let Fact::Package(package) = fact { Some(package.name.clone()) } else { None };
    let mut names: Vec<String> = facts.iter().filter_map(name).collect();
    names.sort_unstable();
    names.into_iter().map(|name| &*name.leak()).collect()
}

#[test]
fn every_form_of_database_tells_the_same() {
    let mut told = FORMS.map(|(form, bytes)| {
        let (facts, warnings) = read(bytes);
        assert_eq!(warnings, [""; 0], "{form}");
        let mut told: Vec<String> = facts.iter().map(|fact| format!("{fact:?}")).collect();
        told.sort_unstable();
        (form, told)
    });
    assert_eq!(names(&read(SQLITE).0).len(), 12);
    let (_, first) = std::mem::take(&mut told[0]);
    for (form, other) in &told[1..] {
        assert_eq!(*other, first, "{form}");
    }
}

#[test]
fn a_package_has_what_its_header_says_and_owns_its_files() {
    let (facts, _) = read(SQLITE);
    let anchor = facts.iter().find(|fact| matches!(fact, Fact::Package(package) if package.name == "anchor"));
    let Some(Fact::Package(anchor)) = anchor else { panic!("{facts:?}") };
    assert_eq!((anchor.version.as_str(), anchor.architecture.as_deref()), ("2:1.4-3.el9", Some("noarch")));
    assert_eq!(anchor.licences, ["MIT and BSD"]);
    assert_eq!(anchor.vendor.as_deref(), Some("Plimsoll Test Yard"));
    assert_eq!(anchor.module.as_deref(), Some("nodejs:18:8090020231:abc"));
    let owns = facts.iter().filter_map(|fact| if let Fact::Owns(owns) = fact { Some(owns) } else { None });
    let owns: Vec<_> = owns.collect();
    assert_eq!(owns.len(), 1, "the other packages have no files");
    assert_eq!((owns[0].name.as_str(), owns[0].architecture.as_deref()), ("anchor", Some("noarch")));
    let metadata = path_hash("usr/lib/python3/site-packages/anchor-1.4.dist-info/METADATA");
    assert!(owns[0].files.contains(&metadata));
}

#[test]
fn what_is_only_in_the_log_is_told() {
    let (before, warnings) = read(BEFORE_THE_LOG);
    assert!(warnings.is_empty());
    let (after, warnings) = read(LOG);
    assert_eq!(warnings, [""; 0]);
    let (before, after) = (names(&before), names(&after));
    assert_eq!(before.len(), 6);
    assert_eq!(after.len(), 6);
    let mut all = [before, after].concat();
    all.sort_unstable();
    assert_eq!(all, names(&read(SQLITE).0));
}

#[test]
fn what_the_log_did_not_commit_does_not_count() {
    let page = 512 + 24;
    let whole = 32 + (LOG.len() - 32) / page * page;
    let (facts, warnings) = read(&LOG[..whole - page]);
    assert_eq!((names(&facts).len(), warnings.len()), (5, 0), "the last commit has lost its last frame");
    let (facts, warnings) = read(&LOG[..32]);
    assert_eq!((facts.len(), warnings.len()), (0, 0));
    let mut of_an_older_log = LOG.to_vec();
    of_an_older_log[32 + 8] ^= 1;
    assert_eq!(read(&of_an_older_log), (vec![], vec![]));
}

#[test]
fn a_database_that_was_never_written_to_is_no_warning() {
    assert_eq!(read(b""), (vec![], vec![]));
}

#[test]
fn a_file_of_another_kind_says_so() {
    let (facts, warnings) = read(b"Package: a\nVersion: 1\n\n");
    assert!(facts.is_empty());
    assert_eq!(warnings, ["reading stopped: it is no database of rpm's in a form that is known"]);
    assert_eq!(read(b"short").1.len(), 1);
}

#[test]
fn a_database_that_is_cut_tells_what_is_there_and_warns() {
    for (form, bytes) in FORMS {
        for length in (1..bytes.len()).step_by(23) {
            let (facts, warnings) = read(&bytes[..length]);
            assert!(names(&facts).len() == 12 || !warnings.is_empty(), "{form} of {length} bytes");
        }
    }
}

/// A database with some bytes overwritten.
fn changed(bytes: &[u8], at: usize, with: &[u8]) -> (Vec<Fact>, Vec<String>) {
    let mut bytes = bytes.to_vec();
    bytes[at..at + with.len()].copy_from_slice(with);
    read(&bytes)
}

#[test]
fn pages_that_lead_round_in_a_circle_end() {
    // The right-most child of the inner page is that page itself: the trees of 512 bytes begin at page 2.
    let (_, warnings) = changed(SQLITE, 512 + 8, &2u32.to_be_bytes());
    assert_eq!(warnings.last().unwrap(), "reading stopped: its pages lead round in a circle");
    // Every overflow page goes on with itself.
    let mut bytes = BDB.to_vec();
    for (number, page) in bytes.chunks_mut(512).enumerate().filter(|(_, page)| page[25] == 7) {
        page[16..20].copy_from_slice(&(number as u32).to_le_bytes());
    }
    let (facts, warnings) = read(&bytes);
    assert!(!warnings.is_empty() && names(&facts).len() < 12);
    // Every slot's package begins in the first one's.
    let mut bytes = NDB.to_vec();
    let (slots, first) = (32..4096, NDB[32 + 8..32 + 12].to_vec());
    for slot in slots.step_by(16) {
        bytes[slot + 4..slot + 8].copy_from_slice(&1u32.to_le_bytes());
        bytes[slot + 8..slot + 12].copy_from_slice(&first);
    }
    let (facts, warnings) = read(&bytes);
    assert!(names(&facts).len() < 40 && warnings.iter().any(|warning| warning.contains("overlap")), "{warnings:?}");
}

#[test]
fn counts_without_bounds_take_no_memory() {
    for (bytes, at) in [(NDB, 12), (NDB, 4096 + 12), (BDB, 20), (BDB, 32), (SQLITE, 16), (SQLITE, 512), (LOG, 8)] {
        for with in [[0xff; 4], [0x7f, 0xff, 0xff, 0xff], [0; 4]] {
            let (_, warnings) = changed(bytes, at, &with);
            assert!(!warnings.is_empty() || with == [0; 4], "{at}: {with:?}");
        }
    }
}

#[test]
fn a_package_that_is_broken_costs_itself_only() {
    let (facts, warnings) = changed(NDB, 4096, b"....");
    assert_eq!((names(&facts).len(), warnings.len()), (11, 1), "{warnings:?}");
    let (facts, warnings) = changed(NDB, 4096 + 16, &[0xff; 8]);
    assert_eq!((names(&facts).len(), warnings.len()), (11, 1), "{warnings:?}");
}

proptest! {
    #[test]
    fn damaged_databases_are_read_or_refused(
        form in 0usize..6,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
    ) {
        let mut bytes = [SQLITE, BEFORE_THE_LOG, LOG, NDB, BDB, BDB_BIG_ENDIAN][form].to_vec();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        read(&bytes);
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        form in 0usize..4,
        rest in proptest::collection::vec(any::<u8>(), 0..3000),
    ) {
        let bytes = [&[SQLITE, LOG, NDB, BDB][form][..24], &rest].concat();
        read(&bytes);
    }
}
