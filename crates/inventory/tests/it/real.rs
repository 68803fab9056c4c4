//! Real images and trees, compared with what the tools that made them say.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

use image::layer::{Entry, LayerError, Visitor};
use inventory::layer::{Limits, catalogue};
use inventory::package::Located;
use inventory::{Inventory, PackageKind, merge};

use crate::layers::Layer;
use crate::support::{cache, launcher, output_of, skip, test_data};

pub(crate) fn scanned(input: impl Read + Send) -> Inventory {
    let (_, record) = catalogue(input, &Limits::default(), &launcher()).unwrap();
    assert!(record.complete);
    merge(&[record])
}

/// What dpkg itself says of a database: name, version, architecture, source and its version.
fn told_by_dpkg(folder: &Path) -> BTreeSet<String> {
    let format = "${Package} ${Version} ${Architecture} ${source:Package} ${source:Version}\n";
    let admin = format!("--admindir={}", folder.display());
    output_of(Command::new("dpkg-query").args([&admin, "-W", "-f", format])).lines().map(str::to_owned).collect()
}

fn as_dpkg_says(located: &Located) -> String {
    let package = &located.package;
    let source = package.source.as_ref().unwrap();
    let architecture = package.architecture.as_deref().unwrap_or_default();
    format!("{} {} {architecture} {} {}", package.name, package.version, source.name, source.version)
}

fn debian(release: &str, packages: usize) {
    let Some(data) = test_data() else { return };
    if Command::new("dpkg-query").arg("--version").output().is_err() {
        return skip("there is no dpkg-query to compare with");
    }
    let folder = data.join(format!("inputs/debian-{release}-minbase-main-only"));
    let file = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let layer = Layer::new()
        .file("var/lib/dpkg/status", file("status"))
        .file("usr/lib/os-release", file("os-release"))
        .link("etc/os-release", "../usr/lib/os-release")
        .file("etc/debian_version", file("debian_version"));
    let inventory = scanned(Cursor::new(layer.tar()));
    assert_eq!(inventory.packages.len(), packages);
    assert_eq!(inventory.warnings, [""; 0]);
    assert_eq!(inventory.release.unwrap().codename.as_deref(), Some(release));
    let found: BTreeSet<_> = inventory.packages.iter().map(as_dpkg_says).collect();
    assert_eq!(found, told_by_dpkg(&folder));
    assert!(inventory.packages.iter().all(|located| located.package.vendor.is_none()), "all are Debian's own");
}

#[test]
fn packages_of_debian_12_are_what_dpkg_says() {
    debian("bookworm", 96);
}

#[test]
fn packages_of_debian_13_are_what_dpkg_says() {
    debian("trixie", 78);
}

/// Takes one member of a tar.
struct Taken {
    suffix: &'static str,
    content: Vec<u8>,
}

impl Visitor for Taken {
    fn visit(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<(), LayerError> {
        if entry.path.ends_with(self.suffix) {
            content.read_to_end(&mut self.content).map_err(LayerError::Io)?;
        }
        Ok(())
    }
}

fn taken(archive: &Path, suffix: &'static str) -> Vec<u8> {
    let mut taken = Taken { suffix, content: Vec::new() };
    image::layer::walk(File::open(archive).unwrap(), &image::layer::Limits::default(), &mut taken).unwrap();
    taken.content
}

#[test]
fn the_packages_of_alpine_are_found_with_their_origins() {
    let Some(data) = test_data() else { return };
    let layer = taken(&data.join("inputs/alpine-310.tar.gz"), "/layer.tar");
    let inventory = scanned(Cursor::new(layer));
    let purls: Vec<_> = inventory.packages.iter().map(|located| located.purl.as_str()).collect();
    insta::assert_snapshot!(purls.join("\n"));
    assert_eq!(inventory.warnings, [""; 0]);
}

#[test]
fn the_packages_of_a_fresh_base_are_what_dpkg_says() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/base-image.sh");
    if Command::new("mmdebstrap").arg("--version").output().is_err() {
        return skip("there is no mmdebstrap to make a base image with");
    }
    let tar = PathBuf::from(output_of(&mut Command::new(script)).trim());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("status"), taken(&tar, "var/lib/dpkg/status")).unwrap();
    std::fs::create_dir(folder.path().join("updates")).unwrap();
    let inventory = scanned(BufReader::new(File::open(&tar).unwrap()));
    let deb = inventory.packages.iter().filter(|located| located.package.kind == PackageKind::Deb);
    let found: BTreeSet<_> = deb.map(as_dpkg_says).collect();
    assert!(found.len() > 50);
    assert_eq!(found, told_by_dpkg(folder.path()));
    assert_eq!(inventory.warnings, [""; 0]);
}

/// The tar of a folder, with its content at the root.
pub(crate) fn tar_of(folder: &Path) -> Vec<u8> {
    let packed = Command::new("tar").arg("-C").arg(folder).args(["-cf", "-", "."]).output().unwrap();
    assert!(packed.status.success());
    packed.stdout
}

/// Makes a folder in the cache once; a failure leaves nothing that looks finished.
pub(crate) fn made_once(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let folder = cache().join("inventory").join(name);
    if !folder.is_dir() {
        let parent = folder.parent().unwrap();
        std::fs::create_dir_all(parent).unwrap();
        let part = tempfile::Builder::new().prefix(name).tempdir_in(parent).unwrap().keep();
        make(&part);
        std::fs::rename(&part, &folder).unwrap();
    }
    folder
}

pub(crate) fn named(inventory: &Inventory, kind: PackageKind) -> BTreeSet<(String, String)> {
    let of_kind = inventory.packages.iter().filter(|located| located.package.kind == kind);
    of_kind.map(|located| (located.package.name.clone(), located.package.version.clone())).collect()
}

#[test]
fn python_packages_are_what_pip_lists() {
    if Command::new("python3").args(["-m", "pip", "--version"]).output().map_or(true, |output| !output.status.success())
    {
        return skip("there is no pip to install with and compare with");
    }
    let packages =
        ["flask==2.2.5", "zope.interface==6.1", "PyYAML==6.0.1", "ruamel.yaml==0.18.5", "setuptools==68.2.2"];
    let folder = made_once("pip-tree-1", |folder| {
        let target = folder.join("usr/lib/python3/site-packages");
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-warn-script-location"]);
        output_of(pip.arg("--target").arg(target).args(packages));
    });
    let site = folder.join("usr/lib/python3/site-packages");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "list", "--disable-pip-version-check", "--format=json", "--path"]).arg(&site);
    let listed: Vec<serde_json::Value> = serde_json::from_str(&output_of(&mut pip)).unwrap();
    let field = |value: &serde_json::Value, name: &str| value[name].as_str().unwrap().to_owned();
    let listed: BTreeSet<_> = listed.iter().map(|value| (field(value, "name"), field(value, "version"))).collect();
    let mut inventory = scanned(Cursor::new(tar_of(&folder)));
    assert_eq!(inventory.warnings, [""; 0]);
    // pip lists what can be imported; what projects carry inside themselves is there, too, and as vulnerable.
    inventory.packages.retain(|located| located.path.matches('/').count() == 6);
    assert!(listed.len() > 8);
    assert_eq!(named(&inventory, PackageKind::Pypi), listed);
}

#[test]
fn npm_packages_are_what_npm_lists() {
    if Command::new("npm").arg("--version").output().map_or(true, |output| !output.status.success()) {
        return skip("there is no npm to install with and compare with");
    }
    let folder = made_once("npm-tree-1", |folder| {
        let app = folder.join("app");
        std::fs::create_dir(&app).unwrap();
        std::fs::write(app.join("package.json"), r#"{"name": "app", "version": "1.0.0", "private": true}"#).unwrap();
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]);
        output_of(npm.args(["express@4.18.2", "@babel/core@7.23.0", "alias@npm:left-pad@1.3.0"]).current_dir(&app));
    });
    let mut npm = Command::new("npm");
    let listed = output_of(npm.args(["ls", "--all", "--parseable", "--long"]).current_dir(folder.join("app")));
    // `/path:name@version[:…]`, the application itself first; `alias@npm:name@version` under another name.
    let listed: BTreeSet<_> = listed
        .lines()
        .skip(1)
        .map(|line| {
            let (_, package) = line.split_once(':').unwrap();
            let package = package.split_once("@npm:").map_or(package, |(_, real)| real);
            let (name, version) = package.split(':').next().unwrap().rsplit_once('@').unwrap();
            (name.to_owned(), version.to_owned())
        })
        .collect();
    let inventory = scanned(Cursor::new(tar_of(&folder)));
    assert!(listed.len() > 80);
    assert_eq!(named(&inventory, PackageKind::Npm), listed);
    assert_eq!(inventory.warnings, [""; 0]);
}
