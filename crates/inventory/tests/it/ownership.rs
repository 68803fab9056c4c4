//! Who owns the file that tells of a package, and what lower layers had.

use image::Digest;
use inventory::package::{Gone, Owner};
use inventory::record::{Catalogued, Fact, Owns, PathHashes, path_hash};
use inventory::{Inventory, LayerRecord, Package, PackageKind, merge};

const STATUS: &str = "var/lib/dpkg/status";
const METADATA: &str = "usr/lib/python3/dist-packages/idna-3.3.egg-info";

fn layer(files: Vec<Catalogued>) -> LayerRecord {
    let others = PathHashes::of(files.iter().map(|file| path_hash(&file.path)).collect());
    LayerRecord {
        diff_id: Digest::sha256(b"a layer"),
        files,
        whiteouts: vec![],
        opaque: vec![],
        links: vec![],
        folders: PathHashes::default(),
        others,
        complete: true,
        warnings: vec![],
        passed_by: vec![],
    }
}

fn file(path: &str, cataloguer: &str, facts: Vec<Fact>) -> Catalogued {
    Catalogued { path: path.into(), cataloguer: cataloguer.into(), facts, warnings: vec![] }
}

fn package(kind: PackageKind, name: &str, version: &str) -> Fact {
    Fact::Package(Package::new(kind, name, version))
}

fn status(packages: &[(&str, &str)]) -> Catalogued {
    file(STATUS, "dpkg", packages.iter().map(|(name, version)| package(PackageKind::Deb, name, version)).collect())
}

fn owns(kind: PackageKind, name: &str, path: &str) -> Fact {
    Fact::Owns(Owns { kind, name: name.into(), architecture: None, files: vec![path_hash(path)] })
}

fn idna(version: &str) -> Catalogued {
    file(METADATA, "python", vec![package(PackageKind::Pypi, "idna", version)])
}

fn list() -> Catalogued {
    file("var/lib/dpkg/info/python3-idna.list", "dpkg", vec![owns(PackageKind::Deb, "python3-idna", METADATA)])
}

fn owner(inventory: &Inventory, name: &str) -> Option<Owner> {
    inventory.packages.iter().find(|located| located.package.name == name).unwrap().owner.clone()
}

#[test]
fn a_file_that_its_layers_package_installed_is_that_packages() {
    let base = layer(vec![status(&[("python3-idna", "3.3-1")]), list(), idna("3.3")]);
    let above = layer(vec![status(&[("python3-idna", "3.3-1"), ("curl", "8")])]);
    let found = owner(&merge(&[base, above]), "idna").unwrap();
    assert_eq!((found.kind, found.name.as_str(), found.version.as_str()), (PackageKind::Deb, "python3-idna", "3.3-1"));
}

#[test]
fn a_file_that_a_later_layer_wrote_anew_is_nobodys() {
    let base = layer(vec![status(&[("python3-idna", "3.3-1")]), list(), idna("3.3")]);
    for version in ["3.7", "3.3"] {
        let above = layer(vec![idna(version)]);
        assert_eq!(owner(&merge(&[base.clone(), above]), "idna"), None, "{version}");
    }
}

#[test]
fn what_a_package_owned_is_nobodys_when_the_package_is_gone() {
    let base = layer(vec![status(&[("python3-idna", "3.3-1")]), list(), idna("3.3")]);
    let above = layer(vec![status(&[])]);
    assert_eq!(owner(&merge(&[base, above]), "idna"), None);
}

#[test]
fn a_database_that_is_written_whole_claims_only_what_came_with_its_layer() {
    let database = |others: &[&str]| {
        let mut facts =
            vec![package(PackageKind::Rpm, "python3-idna", "3.3-1"), owns(PackageKind::Rpm, "python3-idna", METADATA)];
        facts.extend(others.iter().map(|name| package(PackageKind::Rpm, name, "1")));
        file("lib/apk/db/installed", "apk", facts)
    };
    let base = layer(vec![database(&[]), idna("3.3")]);
    assert!(owner(&merge(std::slice::from_ref(&base)), "idna").is_some());
    // The layer above installs something else and rewrites the file: the database it carries names the owner still.
    let above = layer(vec![database(&["curl"]), idna("3.7")]);
    assert_eq!(owner(&merge(&[base, above]), "idna"), None);
}

#[test]
fn what_a_later_layer_replaced_or_removed_is_told() {
    let base = layer(vec![status(&[("kept", "1"), ("upgraded", "1"), ("removed", "1")]), idna("3.3")]);
    let mut above = layer(vec![status(&[("kept", "1"), ("upgraded", "2")])]);
    above.whiteouts = vec![METADATA.into()];
    let gone = merge(&[base, above]).gone;
    let told: Vec<_> = gone
        .iter()
        .map(|Gone { located, by, replaced_by }| {
            (
                located.package.name.as_str(),
                located.package.version.as_str(),
                located.layer,
                *by,
                replaced_by.as_deref(),
            )
        })
        .collect();
    assert_eq!(told, [("removed", "1", 0, 1, None), ("upgraded", "1", 0, 1, Some("2")), ("idna", "3.3", 0, 1, None)]);
}

#[test]
fn what_was_away_and_came_back_is_not_gone() {
    let with = || layer(vec![idna("3.3")]);
    let mut without = layer(vec![]);
    without.whiteouts = vec![METADATA.into()];
    assert_eq!(merge(&[with(), without, with()]).gone, []);
}

#[test]
fn what_may_hide_packages_is_told_apart_from_what_cannot() {
    let mut base = layer(vec![status(&[("curl", "8")]), idna("3.3")]);
    base.files[1].warnings = vec!["it is not metadata".into()];
    let inventory = merge(std::slice::from_ref(&base));
    assert_eq!((inventory.warnings.len(), inventory.unread.len()), (2, 0), "{:?}", inventory.warnings);
    base.files[0].warnings = vec!["left out what comes after 100000 entries".into()];
    base.warnings = vec!["/var/lib/dpkg/status: not read".into()];
    let inventory = merge(&[base]);
    assert_eq!((inventory.warnings.len(), inventory.unread.len()), (4, 2), "{:?}", inventory.unread);
}
