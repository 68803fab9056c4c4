//! How layers merge, case by case.

use std::io::Cursor;

use inventory::layer::{Limits, catalogue};
use inventory::worker::Launcher;
use inventory::{Inventory, LayerRecord, merge};

use crate::layers::{Layer, status};

fn record(layer: &Layer) -> LayerRecord {
    let launcher = Launcher::unsealed_in_this_process();
    let (_, record) = catalogue(Cursor::new(layer.tar()), &Limits::default(), &launcher).unwrap();
    // What is kept must say the same.
    LayerRecord::from_bytes(&record.to_bytes().unwrap()).unwrap()
}

fn merged(layers: &[Layer]) -> Inventory {
    let records: Vec<_> = layers.iter().map(record).collect();
    merge(&records)
}

fn told(inventory: &Inventory) -> String {
    let lines =
        inventory.packages.iter().map(|located| format!("{} {} {}\n", located.layer, located.purl, located.path));
    let warnings = inventory.warnings.iter().map(|warning| format!("! {warning}\n"));
    lines.chain(warnings).collect()
}

const DEBIAN: &str = "ID=debian\nVERSION_ID=\"12\"\n";

#[test]
fn a_package_belongs_to_the_first_layer_since_which_it_is_there_unchanged() {
    let base = Layer::new()
        .file("usr/lib/os-release", DEBIAN)
        .link("etc/os-release", "../usr/lib/os-release")
        .file("var/lib/dpkg/status", status([("base", "1"), ("upgraded", "1"), ("gone", "1")]));
    let second = Layer::new().file("var/lib/dpkg/status", status([("base", "1"), ("upgraded", "2"), ("new", "1")]));
    let third = Layer::new().file("var/lib/dpkg/status", status([("new", "1"), ("base", "1"), ("upgraded", "2")]));
    insta::assert_snapshot!(told(&merged(&[base, second, third])), @r"
    0 pkg:deb/debian/base@1?arch=amd64&distro=debian-12 /var/lib/dpkg/status
    1 pkg:deb/debian/new@1?arch=amd64&distro=debian-12 /var/lib/dpkg/status
    1 pkg:deb/debian/upgraded@2?arch=amd64&distro=debian-12 /var/lib/dpkg/status
    ");
}

#[test]
fn content_manifests_of_all_layers_count_together() {
    let manifest = |sets: &str| format!(r#"{{"metadata": {{}}, "content_sets": [{sets}]}}"#);
    let base = Layer::new()
        .file("root/buildinfo/content_manifests/ubi9-container-9.2.json", manifest("\"rhel-9-for-x86_64-baseos-rpms\""))
        .file("root/buildinfo/Dockerfile-ubi9", "FROM scratch");
    let second = Layer::new().file("usr/share/buildinfo/app.json", manifest("\"rhocp-4.14-for-rhel-9-x86_64-rpms\""));
    let third = Layer::new().file("root/buildinfo/content_manifests/.wh.ubi9-container-9.2.json", "");
    assert_eq!(
        merged(&[base.clone(), second.clone()]).content_sets,
        ["rhel-9-for-x86_64-baseos-rpms", "rhocp-4.14-for-rhel-9-x86_64-rpms"]
    );
    assert_eq!(merged(&[base, second, third]).content_sets, ["rhocp-4.14-for-rhel-9-x86_64-rpms"]);
}

#[test]
fn what_was_away_and_came_back_belongs_to_the_layer_that_brought_it_back() {
    let with = || Layer::new().file("app/node_modules/a/package.json", r#"{"name": "a", "version": "1"}"#);
    let without = Layer::new().file("app/node_modules/.wh.a", "");
    insta::assert_snapshot!(told(&merged(&[with(), without, with()])), @"2 pkg:npm/a@1 /app/node_modules/a/package.json");
}

#[test]
fn distroless_packages_have_a_file_each_and_whiteouts_take_them_singly() {
    let base = Layer::new()
        .file("etc/os-release", DEBIAN)
        .file("var/lib/dpkg/status.d/base", "Package: base-files\nVersion: 12\nArchitecture: amd64\n")
        .file("var/lib/dpkg/status.d/base.md5sums", "x  y\n")
        .file("var/lib/dpkg/status.d/tzdata", "Package: tzdata\nVersion: 2024a\nArchitecture: all\n");
    let above = Layer::new().file("var/lib/dpkg/status.d/.wh.tzdata", "");
    insta::assert_snapshot!(told(&merged(&[base, above])),
        @"0 pkg:deb/debian/base-files@12?arch=amd64&distro=debian-12 /var/lib/dpkg/status.d/base");
}

#[test]
fn the_database_is_found_under_a_folder_that_is_a_link() {
    let record = |name: &str| format!("P:{name}\nV:1\nA:x86_64\n");
    let alpine = "ID=alpine\nVERSION_ID=3.23.0\n";
    // The link comes first, in the same tar.
    let same =
        Layer::new().file("etc/os-release", alpine).link("lib", "usr/lib").file("lib/apk/db/installed", record("a"));
    insta::assert_snapshot!(told(&merged(&[same])),
        @"0 pkg:apk/alpine/a@1?arch=x86_64&distro=alpine-3.23.0 /usr/lib/apk/db/installed");
    // The link comes with a later layer, to a place that nobody would look at.
    let base = Layer::new().file("data/apk/db/installed", record("b"));
    let above = Layer::new().file("etc/os-release", alpine).link("lib", "/data");
    assert_eq!(merged(std::slice::from_ref(&base)).packages, []);
    insta::assert_snapshot!(told(&merged(&[base, above])),
        @"1 pkg:apk/alpine/b@1?arch=x86_64&distro=alpine-3.23.0 /data/apk/db/installed");
}

#[test]
fn a_hard_link_to_a_database_is_the_database() {
    let layer = Layer::new()
        .file("etc/os-release", DEBIAN)
        .file("backup/status", status([("a", "1")]))
        .hard_link("var/lib/dpkg/status", "backup/status");
    insta::assert_snapshot!(told(&merged(&[layer])),
        @"0 pkg:deb/debian/a@1?arch=amd64&distro=debian-12 /var/lib/dpkg/status");
}

#[test]
fn a_hard_link_to_what_was_passed_by_is_a_warning() {
    let layer = Layer::new()
        .file("store/abc", r#"{"name": "a", "version": "1"}"#)
        .hard_link("app/node_modules/a/package.json", "store/abc");
    insta::assert_snapshot!(told(&merged(&[layer])), @"! layer 0: /app/node_modules/a/package.json: not read; it is a hard link to /store/abc, which was not read in this layer");
}

#[test]
fn of_a_member_that_comes_twice_the_last_counts() {
    let layer = Layer::new()
        .file("etc/os-release", DEBIAN)
        .file("var/lib/dpkg/status", status([("first", "1")]))
        .file("var/lib/dpkg/status", status([("last", "1")]))
        .file("a.dist-info/METADATA", "Name: a\nVersion: 1\n")
        .file("a.dist-info", "in its place");
    insta::assert_snapshot!(told(&merged(&[layer])),
        @"0 pkg:deb/debian/last@1?arch=amd64&distro=debian-12 /var/lib/dpkg/status");
}

#[test]
fn the_order_inside_a_layer_does_not_matter_to_whiteouts() {
    let base = || Layer::new().file("a/x.dist-info/METADATA", "Name: x\nVersion: 1\n");
    let own = "Name: y\nVersion: 1\n";
    let before = Layer::new().file("a/.wh..wh..opq", "").file("a/y.dist-info/METADATA", own);
    let after = Layer::new().file("a/y.dist-info/METADATA", own).file("a/.wh..wh..opq", "");
    let deleted = Layer::new().file("a/y.dist-info/METADATA", own).file(".wh.a", "");
    for above in [before, after, deleted] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(told(&merged(&[base(), above])), @"1 pkg:pypi/y@1 /a/y.dist-info/METADATA");
        }
    }
}

#[test]
fn the_root_can_be_opaque() {
    let base = Layer::new().file("x.dist-info/METADATA", "Name: x\nVersion: 1\n");
    assert_eq!(merged(&[base, Layer::new().file(".wh..wh..opq", "")]).packages, []);
}

#[test]
fn names_that_a_whiteout_cannot_delete_delete_nothing() {
    let base = Layer::new().file("a/x.dist-info/METADATA", "Name: x\nVersion: 1\n");
    let above = Layer::new().file("a/.wh.", "").file("a/.wh..", "").file("a/.wh...", "").file("a/.wh..wh.plnk", "");
    let inventory = merged(&[base, above]);
    assert_eq!(inventory.packages.len(), 1);
    assert_eq!(inventory.warnings.len(), 3);
}

#[test]
fn packages_of_a_distribution_without_a_name_are_told_with_a_warning() {
    let layer = Layer::new().file("var/lib/dpkg/status", status([("a", "1")]));
    insta::assert_snapshot!(told(&merged(&[layer])), @r"
    0 pkg:deb/a@1?arch=amd64 /var/lib/dpkg/status
    ! the image has no os-release: which distribution's advisories apply cannot be told
    ");
}

#[test]
fn warnings_of_a_file_that_does_not_count_are_not_shown() {
    let layer = Layer::new().file("proc/status", "rubbish\n").file("etc/os-release", DEBIAN);
    assert_eq!(merged(&[layer]).warnings, [""; 0]);
}

#[test]
fn an_image_without_layers_has_nothing() {
    let inventory = merge(&[]);
    assert_eq!((inventory.packages.len(), inventory.release, inventory.warnings.len()), (0, None, 0));
}

#[test]
fn licences_come_from_the_documents_of_a_package_or_of_its_source() {
    let status = "Package: libc6\nStatus: install ok installed\nVersion: 1\nSource: glibc\n\n\
                  Package: libc-bin\nStatus: install ok installed\nVersion: 1\nSource: glibc\n\n\
                  Package: other\nStatus: install ok installed\nVersion: 1\n";
    let below = Layer::new()
        .file("var/lib/dpkg/status", status)
        .file("usr/share/doc/libc6/copyright", "See /usr/share/common-licenses/LGPL-2.1.\n")
        .file("usr/share/doc/other/copyright", "See /usr/share/common-licenses/GPL-3.\n")
        .link("usr/share/doc/libc-bin", "libc6");
    let above = Layer::new().file("usr/share/doc/.wh.other", "");
    let inventory = merged(&[below, above]);
    let told: Vec<_> = inventory
        .packages
        .iter()
        .map(|located| format!("{} {:?}", located.package.name, located.package.licences))
        .collect();
    assert_eq!(told, [r#"libc-bin ["LGPL-2.1"]"#, r#"libc6 ["LGPL-2.1"]"#, "other []"]);
}
