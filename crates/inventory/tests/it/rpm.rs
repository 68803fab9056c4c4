//! Databases that rpm wrote, compared with what rpm itself says of them.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Cursor};
use std::path::Path;
use std::process::{Command, Stdio};

use inventory::layer::{Limits, catalogue};
use inventory::package::Located;
use inventory::{Inventory, PackageKind, merge};

use crate::layers::Layer;
use crate::support::{launcher, output_of, skip, test_data};

fn scanned(layer: &Layer) -> Inventory {
    stacked(&[layer])
}

fn stacked(layers: &[&Layer]) -> Inventory {
    let record = |layer: &&Layer| {
        let (_, record) = catalogue(Cursor::new(layer.tar()), &Limits::default(), &launcher()).unwrap();
        assert!(record.complete);
        inventory::LayerRecord::from_bytes(&record.to_bytes().unwrap()).unwrap()
    };
    merge(&layers.iter().map(record).collect::<Vec<_>>())
}

fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}

/// What rpm says of each package: name, version, architecture, source package's file, vendor, module, licence.
fn told_by_rpm(folder: &Path) -> BTreeSet<String> {
    let format = "%{name} %{evr} %{arch} %{sourcerpm} %{vendor} %{modularitylabel} %{license}\n";
    let database = format!("--dbpath={}", folder.display());
    let lines = output_of(Command::new("rpm").args([&database, "-qa", "--qf", format]));
    lines.lines().filter(|line| !line.starts_with("gpg-pubkey ")).map(str::to_owned).collect()
}

fn as_rpm_says(located: &Located) -> String {
    let package = &located.package;
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "(none)".into());
    let source = package.source.as_ref().unwrap();
    let version = source.version.split_once(':').map_or(source.version.as_str(), |(_, version)| version);
    format!(
        "{} {} {} {}-{version}.src.rpm {} {} {}",
        package.name,
        package.version,
        or_none(&package.architecture),
        source.name,
        or_none(&package.vendor),
        or_none(&package.module),
        package.licences.join(" and "),
    )
}

/// Compares what a database tells at each place where rpm keeps one.
fn compare(folder: &Path, file: &str, packages: usize) {
    let expected = told_by_rpm(folder);
    assert_eq!(expected.len(), packages);
    let bytes = std::fs::read(folder.join(file)).unwrap();
    for place in ["var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"] {
        let inventory = scanned(&Layer::new().file(&format!("{place}/{file}"), bytes.clone()));
        let found: BTreeSet<_> = inventory.packages.iter().map(as_rpm_says).collect();
        assert_eq!(found, expected, "{place}");
        assert!(inventory.packages.iter().all(|located| located.package.kind == PackageKind::Rpm));
        assert_eq!(inventory.packages.len(), packages, "{place}");
    }
}

fn unpacked(archive: &Path, into: &Path) {
    let status = Command::new("zstd").args(["-dq", "-o"]).arg(into).arg(archive).status().unwrap();
    assert!(status.success());
}

fn real(archive: &str, file: &str, packages: usize) {
    let Some(data) = test_data() else { return };
    if !has("rpm") || !has("zstd") {
        return skip("there is no rpm or no zstd to compare with");
    }
    let folder = tempfile::tempdir().unwrap();
    unpacked(&data.join("inputs").join(archive), &folder.path().join(file));
    compare(folder.path(), file, packages);
}

#[test]
fn packages_of_mariners_sqlite_are_what_rpm_says() {
    real("cbl-mariner-2.0.rpmdb.sqlite.zst", "rpmdb.sqlite", 129);
}

#[test]
fn the_package_of_a_berkeley_database_is_what_it_says() {
    // Not compared with rpm: not every build of it reads this form any more.
    let Some(data) = test_data() else { return };
    if !has("zstd") {
        return skip("there is no zstd");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("Packages");
    unpacked(&data.join("inputs/libuuid.bdb.Packages.zst"), &file);
    let inventory = scanned(&Layer::new().file("var/lib/rpm/Packages", std::fs::read(file).unwrap()));
    let found: Vec<_> = inventory.packages.iter().map(as_rpm_says).collect();
    assert_eq!(found, ["libuuid 2.32.1-42.el8_8 x86_64 util-linux-2.32.1-42.el8_8.src.rpm Red Hat, Inc. (none) BSD"]);
}

/// Two source packages, one with an epoch, a module, a second binary package and files.
const SPECS: [&str; 2] = [
    "Name: anchor\nEpoch: 2\nVersion: 1.4\nRelease: 3.el9\nSummary: x\nLicense: MIT and BSD\nVendor: Test Yard, Inc.\n\
     BuildArch: noarch\nModularityLabel: nodejs:18:8090020231:abc\n%description\nx\n%package libs\nSummary: x\n\
     %description libs\nx\n%install\nmkdir -p %{buildroot}/usr/lib/python3/site-packages/anchor-1.4.dist-info\n\
     printf 'Name: anchor\\nVersion: 1.4\\n' > %{buildroot}/usr/lib/python3/site-packages/anchor-1.4.dist-info/METADATA\n\
     %files\n/usr/lib/python3/site-packages/anchor-1.4.dist-info\n%files libs\n",
    "Name: bollard\nVersion: 0~rc1^git2\nRelease: 1\nSummary: x\nLicense: GPLv2\nBuildArch: noarch\n%description\nx\n%files\n",
];

/// A database with the packages of [`SPECS`] and then some more, built and installed by rpm.
fn built(folder: &Path, more: usize) {
    let top = format!("_topdir {}", folder.display());
    let small = |index| {
        format!(
            "Name: small{index}\nVersion: {index}\nRelease: 1\nSummary: x\nLicense: MIT\nBuildArch: noarch\n%description\nx\n%files\n"
        )
    };
    let specs = SPECS.iter().map(|spec| (*spec).to_owned()).chain((0..more).map(small));
    let mut build = Command::new("rpmbuild");
    build.args(["-bb", "--quiet", "--define", &top]);
    for (index, spec) in specs.enumerate() {
        let path = folder.join(format!("{index}.spec"));
        std::fs::write(&path, spec).unwrap();
        build.arg(path);
    }
    output_of(build.stderr(Stdio::null()));
    let rpms: Vec<_> =
        std::fs::read_dir(folder.join("RPMS/noarch")).unwrap().map(|file| file.unwrap().path()).collect();
    let database = format!("--dbpath={}", folder.join("db").display());
    output_of(Command::new("rpm").args([&database, "--initdb"]));
    output_of(Command::new("rpm").args([&database, "-i", "--justdb", "--nodeps"]).args(rpms));
}

#[test]
fn packages_that_rpm_itself_installed_are_what_it_says_and_own_their_files() {
    if !has("rpm") || !has("rpmbuild") {
        return skip("there is no rpm or no rpmbuild");
    }
    let folder = tempfile::tempdir().unwrap();
    built(folder.path(), 5);
    let database = folder.path().join("db");
    compare(&database, "rpmdb.sqlite", 8);
    // The language package that one of them brought is its.
    let metadata = "usr/lib/python3/site-packages/anchor-1.4.dist-info/METADATA";
    let layer = Layer::new()
        .file("var/lib/rpm/rpmdb.sqlite", std::fs::read(database.join("rpmdb.sqlite")).unwrap())
        .file("var/lib/rpm/rpmdb.sqlite-wal", "")
        .file("etc/os-release", "ID=almalinux\nVERSION_ID=9.4\n")
        .file(metadata, "Metadata-Version: 2.1\nName: anchor\nVersion: 1.4\n")
        .file("opt/x/b-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: b\nVersion: 1\n");
    let inventory = scanned(&layer);
    assert_eq!(inventory.warnings, [""; 0]);
    let owners: Vec<_> = inventory
        .packages
        .iter()
        .filter(|located| located.package.kind == PackageKind::Pypi)
        .map(|located| (located.package.name.as_str(), located.owner.as_ref().map(|owner| owner.name.as_str())))
        .collect();
    assert_eq!(owners, [("anchor", Some("anchor")), ("b", None)]);
}

/// A database whose last changes are in its log: rpm cannot move them while somebody else reads. Answers the database
/// before, the database and the log after, and what rpm says that is installed.
fn with_a_log(folder: &Path) -> (Vec<u8>, Vec<u8>, Vec<u8>, BTreeSet<String>) {
    built(folder, 40);
    let database = folder.join("db");
    let read = |name: &str| std::fs::read(database.join(name)).unwrap();
    let before = read("rpmdb.sqlite");
    // One package waits outside until the log is written.
    let path = format!("--dbpath={}", database.display());
    let rpm = |arguments: &[&str]| {
        output_of(Command::new("rpm").arg(&path).args(arguments).stderr(Stdio::null()));
    };
    let reader = "import sqlite3, sys\ndatabase = sqlite3.connect(sys.argv[1])\ndatabase.execute('begin')\n\
                  database.execute('select count(*) from Packages').fetchone()\nprint('reading', flush=True)\nsys.stdin.read()\n";
    let mut reader = Command::new("python3")
        .args(["-c", reader])
        .arg(database.join("rpmdb.sqlite"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    BufReader::new(reader.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said, "reading\n");
    let removed: Vec<String> = (3..37).map(|index| format!("small{index}")).collect();
    let removed: Vec<&str> = removed.iter().map(String::as_str).collect();
    rpm(&[&["-e", "--justdb", "--nodeps"][..], &removed].concat());
    let again = folder.join("RPMS/noarch/small5-5-1.noarch.rpm");
    rpm(&["-i", "--justdb", "--nodeps", again.to_str().unwrap()]);
    let told = told_by_rpm(&database);
    let files = (before, read("rpmdb.sqlite"), read("rpmdb.sqlite-wal"), told);
    drop(reader.stdin.take());
    reader.wait().unwrap();
    files
}

#[test]
fn what_rpm_removed_in_the_log_alone_is_removed_whichever_layers_bring_database_and_log() {
    if !has("rpm") || !has("rpmbuild") || !has("python3") {
        return skip("there is no rpm, no rpmbuild or no python3");
    }
    let folder = tempfile::tempdir().unwrap();
    let (before, after, log, expected) = with_a_log(folder.path());
    assert_eq!(expected.len(), 10);
    assert!(log.len() > 100_000, "rpm wrote {} bytes of log", log.len());
    let found = |inventory: &Inventory| inventory.packages.iter().map(as_rpm_says).collect::<BTreeSet<_>>();
    let database = |bytes: &[u8]| Layer::new().file("var/lib/rpm/rpmdb.sqlite", bytes.to_vec());
    let log = |layer: Layer| layer.file("var/lib/rpm/rpmdb.sqlite-wal", log.clone());
    let release = |layer: Layer| layer.file("etc/os-release", "ID=almalinux\nVERSION_ID=9.4\n");
    let together = stacked(&[&release(log(database(&after)))]);
    assert_eq!(found(&together), expected);
    assert_eq!(together.warnings, [""; 0]);
    // A layer that removed packages brings the log alone, where rpm had not touched the database.
    let apart = stacked(&[&release(database(&before)), &log(Layer::new())]);
    assert_eq!(found(&apart), expected);
    assert_eq!(apart.warnings, [""; 0]);
    let gone: BTreeSet<_> = apart.gone.iter().map(|gone| (gone.located.package.name.as_str(), gone.by)).collect();
    assert_eq!(gone.len(), 33);
    assert!(gone.contains(&("small3", 1)) && !gone.contains(&("small5", 1)), "{gone:?}");
    // The log below, the database above: SQLite would read both, too.
    assert_eq!(found(&stacked(&[&release(log(Layer::new())), &database(&before)])), expected);
    // Another folder's database is not its own.
    let elsewhere = Layer::new().file("usr/lib/sysimage/rpm/rpmdb.sqlite", before.clone());
    let apart = stacked(&[&release(log(elsewhere))]);
    assert!(apart.unread.iter().any(|warning| warning.contains("packages that they removed")), "{:?}", apart.unread);
    assert_eq!(found(&apart).len(), 43, "what cannot be told stays listed");
}
