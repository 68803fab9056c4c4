//! What GNU tar writes, in all its formats, is read as GNU tar unpacks it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use image::layer::{EntryKind, LayerError};

use crate::made;
use crate::outside;

/// A tree with what formats differ in: long names, links to long names, sparse files.
fn make_tree(root: &Path) {
    let deep = root.join("deep/".repeat(30)).join("x".repeat(120));
    fs::create_dir_all(deep.parent().unwrap()).unwrap();
    fs::write(&deep, "deep down").unwrap();
    fs::hard_link(&deep, root.join("hard")).unwrap();
    std::os::unix::fs::symlink("deep/".repeat(40), root.join("soft")).unwrap();
    fs::write(root.join("empty"), "").unwrap();
    fs::set_permissions(root.join("empty"), fs::Permissions::from_mode(0o4751)).unwrap();
    for (name, runs, size) in [
        ("sparse-middle", vec![1_000_000], 3_000_000),
        ("sparse-hole-only", vec![], 500_000),
        ("sparse-many", (0..60).map(|n| n * 100_000).collect(), 6_000_000),
        ("sparse-end", vec![99_000], 100_000),
    ] {
        let file = fs::File::create(root.join(name)).unwrap();
        file.set_len(size).unwrap();
        for offset in runs {
            file.write_all_at(format!("run at {offset}").as_bytes(), offset).unwrap();
        }
    }
}

#[test]
fn every_format_of_gnu_tar_gives_the_same_tree() {
    if !outside::has_program("tar") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    fs::create_dir(&root).unwrap();
    make_tree(&root);
    for format in [
        &["--format=gnu"][..],
        &["--format=gnu", "--sparse"],
        &["--format=oldgnu", "--sparse"],
        &["--format=pax"],
        &["--format=pax", "--sparse", "--sparse-version=0.0"],
        &["--format=pax", "--sparse", "--sparse-version=0.1"],
        &["--format=pax", "--sparse", "--sparse-version=1.0"],
    ] {
        let file = folder.path().join("made.tar");
        outside::run(Command::new("tar").args(format).arg("-cf").arg(&file).arg("-C").arg(&root).arg("."));
        let (_, seen) = made::see(fs::File::open(&file).unwrap()).unwrap_or_else(|error| panic!("{format:?}: {error}"));
        let mut contents = BTreeMap::new();
        for (entry, content) in &seen.0 {
            assert_eq!(entry.size, content.len() as u64, "{format:?} {}", entry.path);
            contents.insert(entry.path.as_str(), (entry, content));
        }
        for name in ["empty", "sparse-middle", "sparse-hole-only", "sparse-many", "sparse-end"] {
            let (entry, content) = contents[name];
            assert_eq!(entry.kind, EntryKind::File);
            assert!(*content == fs::read(root.join(name)).unwrap(), "{format:?} {name}");
        }
        assert_eq!(contents["empty"].0.mode, 0o4751);
        assert_eq!(contents["soft"].0.kind, EntryKind::Symlink("deep/".repeat(40)));
        let deep = format!("{}{}", "deep/".repeat(30), "x".repeat(120));
        let (first, second) = (contents["hard"].0, contents[deep.as_str()].0);
        let is_pair = |file: &EntryKind, link: &EntryKind, path: &str| {
            *file == EntryKind::File && *link == EntryKind::HardLink(path.to_owned())
        };
        assert!(is_pair(&first.kind, &second.kind, "hard") || is_pair(&second.kind, &first.kind, &deep), "{format:?}");
        assert_eq!(contents[""].0.kind, EntryKind::Directory);
    }
}

#[test]
fn short_names_of_old_formats_are_read() {
    if !outside::has_program("tar") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let name = format!("{}/{}", "d".repeat(90), "f".repeat(90));
    fs::create_dir(folder.path().join("d".repeat(90))).unwrap();
    fs::write(folder.path().join(&name), "prefix").unwrap();
    fs::write(folder.path().join("short"), "short").unwrap();
    for (format, names) in [("v7", vec!["short"]), ("ustar", vec!["short", &name])] {
        let file = folder.path().join("made.tar");
        outside::run(
            Command::new("tar")
                .arg(format!("--format={format}"))
                .arg("-cf")
                .arg(&file)
                .arg("-C")
                .arg(folder.path())
                .args(&names),
        );
        let (_, seen) = made::see(fs::File::open(&file).unwrap()).unwrap();
        assert_eq!(seen.paths(), names);
        assert_eq!(seen.0[0].1, b"short");
    }
}

#[test]
fn a_sparse_file_of_a_form_to_come_is_named() {
    let tar = [
        made::pax(&[("GNU.sparse.major", "2"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "5")]),
        made::raw_header(b"x", b'0', 0),
        made::END.to_vec(),
    ];
    let error = made::see(tar.concat().as_slice()).unwrap_err();
    assert!(matches!(error, LayerError::Unsupported { .. }), "{error}");
}
