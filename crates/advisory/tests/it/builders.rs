//! Two who build at once lose nothing, and who reads meanwhile keeps what they have.

use std::process::Command;

use advisory::Index;

use crate::support::{Library, commit, compile, matches, record};

/// The environment by which the test starts itself as another process.
const CHILD: &str = "PLIMSOLL_TEST_BUILDER";

/// Adds its own segments one by one; does nothing unless it is started by the test below.
#[test]
fn builder() {
    let Some(child) = std::env::var_os(CHILD) else { return };
    let child = child.into_string().expect("text");
    let (name, folder) = child.split_once('=').expect("name and folder");
    for number in 0..20 {
        let record = record(&format!("{name}-{number}"), "PyPI", "a", "0", "9");
        let segment = compile(folder.as_ref(), &format!("{name}-{number}"), &[&record]);
        commit(folder.as_ref(), &[segment]);
    }
}

#[test]
fn two_processes_that_build_at_once_lose_nothing() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let children: Vec<_> = ["LEFT", "RIGHT"]
        .map(|name| {
            Command::new(std::env::current_exe().expect("this test"))
                .args(["--exact", "builders::builder"])
                .env(CHILD, format!("{name}={}", folder.path().display()))
                .spawn()
                .expect("the test starts itself")
        })
        .into();
    for mut child in children {
        assert!(child.wait().expect("it ends").success());
    }
    let index = Index::require(&folder.path().join(Index::FILE)).expect("an index");
    assert_eq!(index.segments().count(), 40);
    assert_eq!(matches(&index, "PyPI", "a", "1").len(), 40);
    index.check().expect("a sound index");
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(left.len(), 2, "only index and lock stay: {left:?}");
}

#[test]
fn a_reader_keeps_its_index_while_a_new_one_takes_the_name() {
    let library = Library::of(&[&record("A-1", "PyPI", "a", "0", "2")]);
    let old = library.index.clone();
    assert!(old.is_current());
    let replaced = compile(library.folder.path(), "own", &[&record("A-2", "PyPI", "a", "0", "2")]);
    let new = commit(library.folder.path(), &[replaced]);
    let ids = |index: &Index| matches(index, "PyPI", "a", "1").into_iter().map(|found| found.id).collect::<Vec<_>>();
    assert_eq!((ids(&old), ids(&new)), (vec!["A-1".to_owned()], vec!["A-2".to_owned()]));
    assert!(!old.is_current());
    assert_eq!(ids(&old.renewed().expect("the new one")), ["A-2"]);
    assert_ne!(old.identity().id, new.identity().id);
}

#[test]
fn the_same_records_make_the_same_id_and_the_oldest_segment_tells_the_age() {
    let first = Library::of(&[&record("A-1", "PyPI", "a", "0", "2")]);
    let second = Library::of(&[&record("A-1", "PyPI", "a", "0", "2")]);
    assert_eq!(first.index.identity(), second.index.identity());
    assert_eq!(first.index.identity().built_at, "2026-01-01T00:00:00Z");
    let mut newer = compile(first.folder.path(), "newer", &[&record("B-1", "npm", "b", "0", "2")]);
    newer.info.fetched_at = "2026-05-05T00:00:00Z".into();
    assert_eq!(commit(first.folder.path(), &[newer]).identity().built_at, "2026-01-01T00:00:00Z");
}

#[test]
fn unchanged_segments_are_copied_and_the_newer_of_two_copies_of_a_record_counts() {
    let library = Library::of(&[&record("A-1", "PyPI", "a", "0", "5"), &record("A-2", "PyPI", "a", "0", "5")]);
    let newer = record("A-1", "PyPI", "a", "0", "6").replace("2026-01-01", "2026-02-01");
    let index = commit(library.folder.path(), &[compile(library.folder.path(), "more", &[&newer])]);
    let found = matches(&index, "PyPI", "a", "1");
    let fixes: Vec<_> = found.iter().map(|found| (found.id.as_str(), found.fixed.as_deref())).collect();
    assert_eq!(fixes, [("A-1", Some("6")), ("A-2", Some("5"))]);
    assert_eq!(index.segments().map(|segment| segment.name.as_str()).collect::<Vec<_>>(), ["more", "own"]);
}

#[test]
fn a_full_disk_leaves_the_old_index() {
    // A folder that cannot be written to refuses at the same place and needs no mount; root writes anywhere.
    if rustix::process::geteuid().is_root() {
        let mount = tempfile::TempDir::new().expect("a folder");
        let status = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(mount.path()).status();
        if !status.is_ok_and(|status| status.success()) {
            println!("skipped: no right to mount a small tmpfs");
            return;
        }
        let path = mount.path().join(Index::FILE);
        let elsewhere = tempfile::TempDir::new().expect("a folder");
        commit(mount.path(), &[compile(elsewhere.path(), "own", &[&record("A-1", "PyPI", "a", "0", "2")])]);
        let many: Vec<String> =
            (0..2000).map(|number| record(&format!("B-{number}"), "npm", &format!("b{number}"), "0", "2")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let large = compile(elsewhere.path(), "large", &many);
        let mut writer = advisory::index::Writer::lock(&path, &|_| {}).expect("the lock");
        let error = writer.commit(&[large], &[]).map(|_| ()).expect_err("no room");
        drop(writer);
        let index = Index::require(&path).map(|index| matches(&index, "PyPI", "a", "1").len());
        let left = std::fs::read_dir(mount.path()).map(Iterator::count);
        let unmounted = Command::new("umount").arg(mount.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()));
        assert!(error.to_string().contains("write the advisory index"), "{error}");
        assert_eq!(index.expect("the old index"), 1);
        assert_eq!(left.expect("the folder"), 2, "index and lock");
    } else {
        println!("skipped: not root, who may mount a small tmpfs");
    }
}
