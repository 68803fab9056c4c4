//! Layers that are made to harm.

use std::io::{Cursor, Write as _};

use image::layer::LayerError;
use inventory::layer::{Limits, catalogue};
use inventory::worker::{Bounds, Launcher};
use inventory::{LayerRecord, merge};

use crate::layers::{Layer, status};
use crate::support::launcher;

fn record(layer: &Layer, limits: &Limits) -> LayerRecord {
    catalogue(Cursor::new(layer.tar()), limits, &launcher()).unwrap().1
}

#[test]
fn bad_files_among_good_ones_cost_themselves_only() {
    let layer = Layer::new()
        .file("node_modules/good/package.json", r#"{"name": "good", "version": "1"}"#)
        .file("node_modules/deep/package.json", "[".repeat(1_000_000))
        .file("node_modules/bomb/package.json", " ".repeat(9 << 20))
        .file("node_modules/binary/package.json", vec![0xff; 1000])
        .file("a.dist-info/METADATA", "x".repeat(1 << 20))
        .file("b.dist-info/METADATA", "Name: b\nVersion: 1\n")
        .file("lib/apk/db/installed", "P:\0\nV:1\n\nP:c\nV:1\n");
    let inventory = merge(&[record(&layer, &Limits::default())]);
    let names: Vec<_> = inventory.packages.iter().map(|located| located.package.name.as_str()).collect();
    assert_eq!(names, ["c", "b", "good"]);
    insta::assert_snapshot!(inventory.warnings.join("\n"));
}

/// An archive of `files`.
fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// In the sealed worker, whose time and memory are bounded.
#[test]
fn archives_that_are_bombs_are_left_out_and_the_others_read() {
    let good = b"groupId=g\nartifactId=a\nversion=1\n";
    let properties = "META-INF/maven/g/a/pom.properties";
    let mut nested = zipped(&[(properties, good)]);
    for _ in 0..20 {
        nested = zipped(&[("a.jar", &nested)]);
    }
    // 512 MiB of zeros in half a MiB, ten times: more than may be inflated of one file.
    let zeros = zipped(&[("zeros.jar", &vec![0; 512 << 20])]);
    let names: Vec<String> = (0..10).map(|index| format!("WEB-INF/lib/{index}.jar")).collect();
    let bomb = zipped(&names.iter().map(|name| (name.as_str(), &zeros[..])).collect::<Vec<_>>());
    // A directory of a million entries that all lie at one place.
    let entry = [b"PK\x01\x02".to_vec(), vec![0; 24], vec![1, 0], vec![0; 16], b"x".to_vec()].concat();
    let (entries, length) = (entry.repeat(1_000_000), 47_000_000u32.to_le_bytes());
    let end = [b"PK\x05\x06".to_vec(), vec![0; 8], length.to_vec(), vec![0; 6]].concat();
    let layer = Layer::new()
        .file("a/nested.jar", nested)
        .file("a/bomb.ear", bomb)
        .file("a/entries.jar", [entries, end].concat())
        .file("a/cut.jar", &zeros[..zeros.len() - 30])
        .file("a/good.jar", zipped(&[(properties, good)]))
        .file("a/good.egg", zipped(&[("EGG-INFO/PKG-INFO", b"Name: b\nVersion: 1\n")]));
    let record = record(&layer, &Limits::default());
    assert!(record.complete, "the worker was not lost: {:?}", record.warnings);
    let inventory = merge(&[record]);
    let names: Vec<_> = inventory.packages.iter().map(|located| located.package.name.as_str()).collect();
    assert_eq!(names, ["b", "g:a"]);
    insta::assert_snapshot!(inventory.warnings.join("\n"));
}

#[test]
fn a_file_that_is_too_large_is_left_out_and_said() {
    let limits = Limits { member_bytes: 100, ..Limits::default() };
    let layer = Layer::new().file("var/lib/dpkg/status", "\n".repeat(200)).file("etc/os-release", "ID=x\n");
    let record = record(&layer, &limits);
    assert_eq!(record.warnings, ["/var/lib/dpkg/status: not read, it has 200 bytes and 100 are the most"]);
    assert!(record.complete, "it would be left out again");
    assert_eq!(record.files.len(), 1);
}

#[test]
fn more_files_than_may_be_are_left_out_and_counted() {
    let limits = Limits { members: 10, ..Limits::default() };
    let mut layer = Layer::new();
    for index in 0..500 {
        layer = layer.file(&format!("node_modules/p{index}/package.json"), r#"{"name": "p", "version": "1"}"#);
    }
    let record = record(&layer, &limits);
    assert_eq!(record.files.len(), 10);
    assert_eq!(record.warnings.len(), 101);
    assert_eq!(record.warnings[100], "390 more of such warnings");
}

#[test]
fn names_without_bounds_are_not_kept() {
    let limits = Limits { name_bytes: 1000, ..Limits::default() };
    let mut layer = Layer::new();
    for index in 0..100 {
        layer = layer.file(&format!("some/folder/.wh.{index:030}"), "").link(&format!("link{index:030}"), "/x");
    }
    let record = record(&layer, &limits);
    assert!(record.whiteouts.len() < 30 && record.links.len() < 30);
    assert!(!record.warnings.is_empty());
}

#[test]
fn links_in_circles_and_deep_folders_are_left_out() {
    let layer = Layer::new()
        .link("a", "b")
        .link("b", "a")
        .file("a/x.dist-info/METADATA", "Name: x\nVersion: 1\n")
        .file(&("d/".repeat(300) + "x.dist-info/METADATA"), "Name: x\nVersion: 1\n")
        .hard_link("c", "a/b");
    let record = record(&layer, &Limits::default());
    assert!(record.files.is_empty());
    assert_eq!(record.warnings.len(), 3, "{:?}", record.warnings);
}

#[test]
fn a_hard_link_to_itself_or_to_nothing_is_no_harm() {
    let layer = Layer::new().hard_link("etc/os-release", "etc/os-release").hard_link("x", "y").hard_link("x", "x");
    assert!(record(&layer, &Limits::default()).files.is_empty());
}

#[test]
fn a_layer_that_is_cut_short_is_an_error_of_the_layer() {
    let tar = Layer::new().file("var/lib/dpkg/status", "\n".repeat(100_000)).tar();
    let cut = &tar[..50_000];
    let error = catalogue(Cursor::new(cut), &Limits::default(), &launcher()).unwrap_err();
    assert!(matches!(error, LayerError::Truncated { .. }), "{error}");
}

#[test]
fn a_layer_is_walked_to_its_end_whatever_becomes_of_its_worker() {
    let layer = Layer::new()
        .file("var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: 1\n")
        .file("usr/bin/a", vec![7; 100_000]);
    let tar = layer.tar();
    let killed = Launcher::program("/bin/sh", ["-c", "kill -9 $$"]);
    let (walked, record) = catalogue(Cursor::new(&tar), &Limits::default(), &killed).unwrap();
    assert_eq!(walked.diff_id, image::Digest::sha256(&tar));
    assert_eq!(walked.entries, 2);
    assert!(!record.complete);
    assert_eq!(record.others.len(), 2);
    insta::assert_snapshot!(record.warnings.join("\n"),
        @"/var/lib/dpkg/status: the worker was killed (signal 9; the machine may be out of memory) before it had answered");
    let inventory = merge(&[record]);
    assert!(inventory.warnings[0].starts_with("layer 0: /var/lib/dpkg/status"));
}

#[test]
fn a_worker_that_tells_more_than_a_layer_may_is_not_asked_any_more() {
    let limits = Limits { worker: Bounds { layer_bytes: 1000, ..Bounds::default() }, ..Limits::default() };
    let mut layer = Layer::new();
    let status = status((0..5000).map(|index| (format!("p{index}"), "1".to_owned())));
    for index in 0..20 {
        layer = layer.file(&format!("var/lib/dpkg/status.d/{index}"), status.clone());
    }
    let record = record(&layer, &limits);
    assert!(record.complete);
    assert!(record.files.len() < 20, "{}", record.files.len());
    assert!(
        record.warnings[0].ends_with("left out, since the files before it told 1000 bytes"),
        "{:?}",
        record.warnings
    );
}
