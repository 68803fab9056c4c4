//! What Debian's own changelogs say was fixed, held against what is found in a Debian image.
//!
//! The facts (source package, version, CVEs that its changelog names) are made records as OSV has them for Debian; what
//! must be found is told by `dpkg-query` and `dpkg --compare-versions` alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::command::{Ended, command, run, succeed};
use crate::debian::{Base, Installed, packages};
use crate::layout::Layout;
use crate::machine;
use crate::pipeline::work;

const PROGRAMS: [&str; 6] = ["umoci", "mmdebstrap", "dpkg-query", "dpkg", "tar", "zstd"];

/// Binary package, installed version and record.
type Found = BTreeSet<(String, String, String)>;

/// By CVE and source package: the version in which its changelog first names it.
type Fixes = BTreeMap<(String, String), String>;

fn data(path: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("PLIMSOLL_TEST_DATA") else {
        println!("skipped: PLIMSOLL_TEST_DATA names no folder with {path}");
        return None;
    };
    let path = Path::new(&folder).join(path);
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path)
}

fn is_older(one: &str, other: &str) -> bool {
    run(command("dpkg", ["--compare-versions", one, "lt", other])).code == Some(0)
}

/// What the changelogs of a suite say.
fn fixes(suite: &str) -> Option<Fixes> {
    let lines = succeed(command(
        "zstd",
        ["-dc", &data(&format!("native/debian-{suite}-changelog-cves.jsonl.zst"))?.display().to_string()],
    ));
    let mut fixes = Fixes::new();
    for line in lines.lines() {
        let entry: Value = serde_json::from_str(line).expect("a line of JSON");
        let text = |key: &str| entry[key].as_str().expect("a text").to_owned();
        for cve in entry["cves"].as_array().expect("CVEs") {
            let key = (cve.as_str().expect("a CVE").to_owned(), text("source"));
            let version = text("version");
            let known = fixes.get(&key);
            if known.is_none_or(|known| is_older(&version, known)) {
                fixes.insert(key, version);
            }
        }
    }
    assert!(fixes.len() > 1000, "{suite}: {} facts", fixes.len());
    Some(fixes)
}

/// One record a CVE, with every source package that it is about.
fn write_records(folder: &Path, ecosystem: &str, fixes: &Fixes) {
    let mut by_cve: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for ((cve, source), version) in fixes {
        by_cve.entry(cve).or_default().push(json!({
            "package": { "ecosystem": ecosystem, "name": source },
            "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": version }] }],
        }));
    }
    fs::create_dir_all(folder).expect("a folder for records");
    for (cve, affected) in by_cve {
        let record = json!({
            "schema_version": "1.7.0", "id": format!("DEBIAN-{cve}"), "upstream": [cve],
            "modified": "2026-11-23T00:00:00Z", "affected": affected,
        });
        fs::write(folder.join(format!("DEBIAN-{cve}.json")), record.to_string()).expect("a record");
    }
}

/// What must be found, by dpkg's own word.
fn expected(installed: &BTreeMap<String, Installed>, fixes: &Fixes) -> Found {
    let mut found = Found::new();
    for (name, package) in installed {
        for ((cve, _), version) in fixes.iter().filter(|((_, source), _)| *source == package.source) {
            if is_older(&package.source_version, version) {
                found.insert((name.clone(), package.version.clone(), format!("DEBIAN-{cve}")));
            }
        }
    }
    found
}

fn told(report: &Value) -> Found {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let findings = report["findings"].as_array().expect("findings").iter();
    findings.map(|one| (text(&one["package"]["name"]), text(&one["package"]["version"]), text(&one["id"]))).collect()
}

/// A layer that makes the image one with another list of packages, and of another release.
fn layer_of_list(work: &Path, list: &Path) -> PathBuf {
    let name = list.file_name().expect("a folder's name").to_string_lossy().into_owned();
    let tree = work.join(format!("{name}.layer"));
    for (file, place) in [("status", "var/lib/dpkg/status"), ("os-release", "usr/lib/os-release")] {
        let place = tree.join(place);
        fs::create_dir_all(place.parent().expect("a folder")).expect("a folder of the layer");
        fs::copy(list.join(file), place).expect("a file of the layer");
    }
    let tar = work.join(format!("{name}.tar"));
    let mut pack = command("tar", ["--create", "--owner=0", "--group=0", "--file"]);
    pack.arg(&tar).arg("--directory").arg(&tree).args(["usr", "var"]);
    succeed(pack);
    tar
}

struct Scanner {
    data: PathBuf,
}

impl Scanner {
    fn ask(&self, arguments: &[&str]) -> Ended {
        let mut plimsoll = command(machine::plimsoll(), ["--data"]);
        plimsoll.arg(&self.data).args(arguments).current_dir(self.data.parent().expect("a folder"));
        run(plimsoll)
    }

    fn report(&self, image: &str, more: &[&str]) -> Value {
        let scan = self.ask(&[&["scan", "--offline", "--format", "json"], more, &[image]].concat());
        assert_eq!(scan.code, Some(0), "{}", scan.said());
        serde_json::from_str(&scan.stdout).expect("JSON")
    }
}

#[test]
fn every_fix_that_an_images_packages_lack_is_found_and_nothing_else() {
    if !machine::able(&PROGRAMS) {
        return;
    }
    let Some(bookworm) = fixes("bookworm") else { return };
    let Some(trixie) = fixes("trixie") else { return };
    let work = work();
    let base = Base::made(work.path());
    let records = work.path().join("records");
    write_records(&records.join("12"), "Debian:12", &bookworm);
    write_records(&records.join("13"), "Debian:13", &trixie);
    let scanner = Scanner { data: work.path().join("data") };
    for release in ["12", "13"] {
        let folder = records.join(release).display().to_string();
        let import = scanner.ask(&["db", "import", "--name", &format!("changelogs-{release}"), &folder]);
        assert_eq!(import.code, Some(0), "{}", import.said());
    }

    // This machine's own release, with its security updates.
    let own = work.path().join("own");
    Layout::of(&own, &[&base.tar]);
    let own = format!("oci:{}:1.0", own.display());
    if let Some(of_release) =
        [("Debian:12", &bookworm), ("Debian:13", &trixie)].into_iter().find(|of| of.0 == base.ecosystem)
    {
        assert_eq!(told(&scanner.report(&own, &[])), expected(&base.packages, of_release.1));
    }

    // The same tree with the lists of packages of two releases, as they were installed without security updates.
    let mut images = BTreeMap::new();
    for (suite, facts, ecosystem) in [("bookworm", &bookworm, "Debian:12"), ("trixie", &trixie, "Debian:13")] {
        let Some(list) = data(&format!("inputs/debian-{suite}-minbase-main-only")) else { return };
        let database = work.path().join(format!("{suite}.dpkg"));
        fs::create_dir_all(&database).expect("a folder for dpkg's database");
        fs::copy(list.join("status"), database.join("status")).expect("the list of packages");
        let installed = packages(&database);
        let layout = work.path().join(suite);
        Layout::of(&layout, &[&base.tar, &layer_of_list(work.path(), &list)]);
        let image = format!("oci:{}:1.0", layout.display());
        let report = scanner.report(&image, &[]);
        let found = told(&report);
        assert_eq!(found, expected(&installed, facts), "{suite}");
        assert!(
            report["findings"].as_array().expect("findings").iter().all(|one| one["matched"]["ecosystem"] == ecosystem)
        );
        assert!(
            report["packages"].as_array().expect("packages").iter().all(|one| one["verdict"] != "unknown"),
            "{suite}"
        );
        images.insert(suite, (image, found, report));
    }
    let (image, found, report) = &images["bookworm"];
    assert!(found.len() > 20, "{found:?}");
    everything_adds_up(report);
    choosing(&scanner, work.path(), image, &own, report);
    explained(&scanner, image, found);
}

/// All have a fix, and each goes away with the upgrade of its source package.
fn everything_adds_up(report: &Value) {
    let count = |value: &Value| value.as_u64().expect("a number");
    let findings = count(&report["summary"]["findings"]);
    assert_eq!(findings, report["findings"].as_array().expect("findings").len() as u64, "one record, one finding");
    assert_eq!(count(&report["summary"]["fixable"]), findings);
    let upgrades = report["actions"]["upgrades"].as_array().expect("upgrades");
    assert_eq!(upgrades.iter().map(|upgrade| count(&upgrade["removes"])).sum::<u64>(), findings);
    let sources: BTreeSet<_> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .map(|one| &one["matched"]["name"])
        .map(Value::to_string)
        .collect();
    assert_eq!(upgrades.len(), sources.len(), "one line a source package");
}

/// An ignore file, and what another image has too.
fn choosing(scanner: &Scanner, work: &Path, image: &str, own: &str, report: &Value) {
    let all = report["findings"].as_array().expect("findings").len();
    let first = &report["findings"][0];
    let (cve, name) = (first["known_as"].as_str().expect("a CVE"), first["package"]["name"].as_str().expect("a name"));
    let file = work.join("ignore.toml");
    let entry = format!("[[ignore]]\nid = \"{cve}\"\npackage = \"{name}\"\nreason = \"a test\"\n");
    fs::write(&file, entry).expect("an ignore file");
    let ignored = scanner.report(image, &["--ignore-file", &file.display().to_string()]);
    assert_eq!(ignored["findings"].as_array().expect("findings").len(), all - 1);
    assert_eq!(ignored["suppressed"][0]["suppressed"]["rule"], "ignored");
    fs::write(&file, "[[ignore]]\nid = \"CVE-1\"\n").expect("an ignore file");
    let refused = scanner.ask(&["scan", "--offline", "--ignore-file", &file.display().to_string(), image]);
    assert_eq!(refused.code, Some(2), "{}", refused.said());
    assert!(refused.stderr.contains("missing field `reason`"), "{}", refused.said());

    let written = work.join("report.json").display().to_string();
    let scan = scanner.ask(&["scan", "--offline", "--format", "json", "--output", &written, image]);
    assert_eq!(scan.code, Some(0), "{}", scan.said());
    for against in [image, &written] {
        let none = scanner.report(image, &["--against", against]);
        assert!(none["findings"].as_array().expect("findings").is_empty(), "{against}");
        assert_eq!(none["summary"]["suppressed"], report["summary"]["findings"], "{against}");
        let threshold = scanner.ask(&["scan", "--offline", "--fail-on", "negligible", "--against", against, image]);
        assert_eq!(threshold.code, Some(0), "{}", threshold.said());
    }
    let new = scanner.report(image, &["--against", own]);
    assert!(!new["findings"].as_array().expect("findings").is_empty());
}

fn explained(scanner: &Scanner, image: &str, found: &Found) {
    let (name, version, id) = found.first().expect("a finding");
    let cve = id.trim_start_matches("DEBIAN-");
    let explained = scanner.ask(&["explain", "--offline", cve, image]);
    assert_eq!(explained.code, Some(0), "{}", explained.said());
    for words in ["AFFECTED", name, version, id, "/var/lib/dpkg/status", "apt-get install --only-upgrade"] {
        assert!(explained.stdout.contains(words), "{words}:\n{}", explained.said());
    }
    let absent = scanner.ask(&["explain", "--offline", "--format", "json", "CVE-1999-0001", image]);
    let absent: Value = serde_json::from_str(&absent.stdout).expect("JSON");
    assert_eq!(absent["verdict"], "unknown", "{absent}");
}
