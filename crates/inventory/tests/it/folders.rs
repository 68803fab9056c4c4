//! A folder of the machine as a layer.

use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use inventory::layer::{Limits, catalogue_folder};
use inventory::worker::Launcher;
use inventory::{Inventory, LayerRecord, merge};

fn record(folder: &Path, limits: &Limits) -> Result<LayerRecord, image::layer::LayerError> {
    catalogue_folder(&File::open(folder).unwrap().into(), limits, &Launcher::unsealed_in_this_process())
}

fn inventory(folder: &Path) -> Inventory {
    merge(&[record(folder, &Limits::default()).unwrap()])
}

fn npm(folder: &Path, name: &str) {
    let folder = folder.join("node_modules").join(name);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("package.json"), format!(r#"{{"name": "{name}", "version": "1.0.0"}}"#)).unwrap();
}

fn names(inventory: &Inventory) -> Vec<&str> {
    inventory.packages.iter().map(|located| located.package.name.as_str()).collect()
}

#[test]
fn links_lead_within_the_folder_as_if_it_were_the_root_and_never_out() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("root");
    npm(&root.join("srv"), "inside");
    npm(home.path(), "outside");
    symlink(home.path(), root.join("up")).unwrap();
    symlink("../node_modules", root.join("node_modules")).unwrap();
    symlink(".", root.join("srv/node_modules/loop")).unwrap();
    fs::create_dir_all(root.join("usr/lib")).unwrap();
    fs::create_dir_all(root.join("etc")).unwrap();
    fs::write(root.join("usr/lib/release"), "ID=debian\nVERSION_ID=12\n").unwrap();
    symlink("/usr/lib/release", root.join("etc/os-release")).unwrap();
    let found = inventory(&root);
    assert_eq!(names(&found), ["inside"]);
}

#[test]
fn the_digest_is_of_what_was_found_and_of_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    npm(home.path(), "a");
    let digest = || record(home.path(), &Limits::default()).unwrap().diff_id;
    let before = digest();
    fs::write(home.path().join("notes.txt"), "of no interest").unwrap();
    assert_eq!(digest(), before);
    npm(home.path(), "b");
    assert_ne!(digest(), before);
}

#[test]
fn names_without_sense_and_depth_without_end_cost_themselves() {
    let home = tempfile::tempdir().unwrap();
    npm(home.path(), "a");
    // A whiteout in a layer, a file like any here.
    fs::write(home.path().join("node_modules/.wh.a"), "").unwrap();
    fs::write(home.path().join("node_modules/.wh..wh..opq"), "").unwrap();
    fs::create_dir(home.path().join(std::ffi::OsStr::from_bytes(b"\xff\xfe"))).unwrap();
    let mut deep = home.path().to_owned();
    for _ in 0..400 {
        deep.push("d");
    }
    fs::create_dir_all(&deep).unwrap();
    let found = inventory(home.path());
    assert_eq!(names(&found), ["a"]);
    assert!(found.warnings.iter().any(|warning| warning.contains("folders deep")), "{:?}", found.warnings);
}

#[test]
fn a_tree_without_end_is_given_up() {
    let home = tempfile::tempdir().unwrap();
    for number in 0..50 {
        fs::write(home.path().join(number.to_string()), "").unwrap();
    }
    let mut limits = Limits::default();
    limits.walk.entries = 49;
    let error = record(home.path(), &limits).unwrap_err();
    assert!(error.to_string().contains("49"), "{error}");
}
