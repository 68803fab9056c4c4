//! Packages of an image meet the records that speak of them, and only those.

use advisory::ecosystem::ecosystems_needed;
use advisory::{Affected, Severity, Verdict};
use inventory::{Inventory, PackageKind, Release, package::Located};

use crate::support::{Library, package, record, release};

fn ids(verdict: Verdict) -> Vec<String> {
    match verdict {
        Verdict::Covered(found) => found.into_iter().map(|found| found.id).collect(),
        Verdict::Unknown { ecosystem } => vec![format!("unknown: {ecosystem}")],
    }
}

#[test]
fn debian_packages_match_by_source_name_source_version_and_release() {
    let library = Library::of(&[
        &record("DSA-1", "Debian:12", "glibc", "0", "2.36-9+deb12u9"),
        &record("DSA-2", "Debian:13", "glibc", "0", "2.40-1"),
        &record("DSA-3", "Debian:12", "libc6", "0", "99"),
    ]);
    let bookworm = release("debian", "12");
    let ask = |version: &str, release: &Release| {
        let package = package(PackageKind::Deb, "libc6", &format!("{version}+b1"), Some(("glibc", version)));
        ids(library.index.verdict(&package, Some(release)).expect("a sound index"))
    };
    assert_eq!(ask("2.36-9+deb12u8", &bookworm), ["DSA-1"]);
    assert_eq!(ask("2.36-9+deb12u9", &bookworm), [""; 0]);
    assert_eq!(ask("2.36-9", &release("debian", "11")), ["unknown: Debian:11"]);
    assert_eq!(ask("2.36-9", &release("raspbian", "12")), ["unknown: raspbian:12"]);
}

#[test]
fn alpine_packages_match_by_origin_and_branch() {
    let library = Library::of(&[&record("ALPINE-1", "Alpine:v3.10", "openssl", "0", "1.1.1g-r0")]);
    let libssl = package(PackageKind::Apk, "libssl1.1", "1.1.1d-r3", Some(("openssl", "1.1.1d-r3")));
    let ask = |version| ids(library.index.verdict(&libssl, Some(&release("alpine", version))).expect("sound"));
    assert_eq!(ask("3.10.4"), ["ALPINE-1"]);
    assert_eq!(ask("3.11.0"), ["unknown: Alpine:v3.11"]);
}

#[test]
fn python_names_match_however_they_are_written_and_npm_names_as_they_are() {
    let library = Library::of(&[
        &record("PYSEC-1", "PyPI", "Zope.Interface", "0", "5.0"),
        &record("GHSA-1", "npm", "JSONStream", "0", "2.0.0"),
    ]);
    let ask = |kind, name: &str| {
        ids(library.index.verdict(&package(kind, name, "1.0.0", None), None).expect("a sound index"))
    };
    assert_eq!(ask(PackageKind::Pypi, "zope_interface"), ["PYSEC-1"]);
    assert_eq!(ask(PackageKind::Npm, "JSONStream"), ["GHSA-1"]);
    assert_eq!(ask(PackageKind::Npm, "jsonstream"), [""; 0]);
}

#[test]
fn ubuntu_pro_is_another_ecosystem() {
    let library = Library::of(&[
        &record("USN-1", "Ubuntu:18.04:LTS", "curl", "0", "7.58-2"),
        &record("USN-2", "Ubuntu:Pro:18.04:LTS", "curl", "0", "7.58-9"),
    ]);
    let curl = package(PackageKind::Deb, "curl", "7.58-1", Some(("curl", "7.58-1")));
    assert_eq!(ids(library.index.verdict(&curl, Some(&release("ubuntu", "18.04"))).expect("sound")), ["USN-1"]);
}

#[test]
fn a_record_for_every_release_counts_unless_it_says_something_of_this_one() {
    let both = r#"{"id": "DEBIAN-2", "modified": "2026-01-01T00:00:00Z", "affected": [
        {"package": {"ecosystem": "Debian", "name": "a"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]},
        {"package": {"ecosystem": "Debian:12", "name": "a"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "0"}]}]}]}"#;
    let library = Library::of(&[&record("DEBIAN-1", "Debian", "a", "0", "2"), both]);
    assert_eq!(library.ids("Debian:12", "a", "1"), ["DEBIAN-1"]);
    assert_eq!(library.ids("Debian:13", "a", "1"), ["DEBIAN-1", "DEBIAN-2"]);
}

#[test]
fn a_version_may_be_listed_outside_every_range() {
    let library = Library::of(&[
        r#"{"id": "PYSEC-1", "modified": "2026-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "PyPI", "name": "a"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "2.0"}, {"fixed": "2.5"}]},
        {"type": "GIT", "repo": "https://example.com", "events": [{"introduced": "0"}]}], "versions": ["1.0", "2.1"]}]}"#,
    ]);
    for (version, applies) in [("1.0", true), ("1.0.0", true), ("1.1", false), ("2.4", true), ("2.5", false)] {
        assert_eq!(!library.ids("PyPI", "a", version).is_empty(), applies, "{version}");
    }
}

#[test]
fn withdrawn_records_say_nothing_even_after_an_older_copy_that_did() {
    let old = record("A-1", "PyPI", "a", "0", "9");
    let withdrawn = old
        .replace("2026-01-01", "2026-02-02")
        .replace("\"affected\"", "\"withdrawn\": \"2026-02-02T00:00:00Z\", \"affected\"");
    for records in [[&old, &withdrawn], [&withdrawn, &old]] {
        let kept = record("A-2", "PyPI", "b", "0", "9");
        let library = Library::of(&[records[0], records[1], &kept]);
        assert_eq!(library.ids("PyPI", "a", "1"), [""; 0]);
        let counts = library.index.segments().next().expect("a segment").counts.clone();
        assert_eq!((counts.records, counts.withdrawn), (1, 1));
    }
}

#[test]
fn of_two_copies_of_a_record_the_newer_counts_and_equal_ones_count_once() {
    let old = record("A-1", "PyPI", "a", "0", "5");
    let new = record("A-1", "PyPI", "a", "0", "3").replace("2026-01-01", "2026-03-01");
    for records in [[&old, &new], [&new, &old]] {
        let library = Library::of(&[records[0], records[1], &new]);
        assert_eq!(library.ids("PyPI", "a", "4"), [""; 0]);
        assert_eq!(library.ids("PyPI", "a", "2"), ["A-1"]);
        assert_eq!(library.index.segments().next().expect("a segment").counts.records, 1);
    }
}

#[test]
fn two_different_records_of_one_id_and_time_both_count() {
    let library =
        Library::of(&[&record("A-1", "Debian:12", "a", "0", "5"), &record("A-1", "Debian:13", "a", "0", "5")]);
    assert_eq!(library.ids("Debian:12", "a", "1"), ["A-1"]);
    assert_eq!(library.ids("Debian:13", "a", "1"), ["A-1"]);
}

#[test]
fn the_fix_is_the_lowest_version_above_that_the_record_does_not_affect() {
    let library = Library::of(&[
        r#"{"id": "A-1", "modified": "2026-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "npm", "name": "a"},
        "ranges": [{"type": "SEMVER", "events": [{"introduced": "3.0.0"}, {"fixed": "3.1.0"}, {"introduced": "0"}, {"fixed": "1.2.0"},
        {"introduced": "2.0.0"}, {"fixed": "2.5.0"}]}]}]}"#,
        r#"{"id": "B-1", "modified": "2026-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "npm", "name": "b"},
        "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.5.0"}]},
        {"type": "SEMVER", "events": [{"introduced": "1.0.0"}, {"fixed": "2.0.0"}]}]}]}"#,
        r#"{"id": "C-1", "modified": "2026-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "npm", "name": "c"},
        "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"last_affected": "1.5.0"}]}]}]}"#,
    ]);
    let fix = |name: &str, version: &str| library.matches("npm", name, version).remove(0).fixed;
    assert_eq!(fix("a", "1.0.0").as_deref(), Some("1.2.0"));
    assert_eq!(fix("a", "2.1.0").as_deref(), Some("2.5.0"));
    assert_eq!(fix("a", "3.0.0").as_deref(), Some("3.1.0"));
    // 1.5.0 ends the first range and lies in the second.
    assert_eq!(fix("b", "1.2.0").as_deref(), Some("2.0.0"));
    assert_eq!(fix("c", "1.2.0"), None);
}

#[test]
fn a_match_says_who_rated_it_and_names_the_cve_first() {
    let library = Library::of(&[
        r#"{"id": "DEBIAN-CVE-1", "modified": "2026-01-01T00:00:00Z", "aliases": ["XSA-9", "CVE-2026-2"], "upstream": ["CVE-2026-1"],
        "details": "\n  First line.\nSecond.",
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
        "references": [{"type": "ADVISORY", "url": "javascript:alert(1)"}, {"type": "ADVISORY", "url": "https://example.com/a"}],
        "affected": [{"package": {"ecosystem": "Debian:12", "name": "a"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}],
        "ecosystem_specific": {"urgency": "low"}}]}"#,
    ]);
    let found = library.matches("Debian:12", "a", "1").remove(0);
    assert_eq!(found.aliases, ["CVE-2026-1", "CVE-2026-2", "XSA-9"]);
    assert_eq!((found.severity, found.score), (Severity::Low, Some(9.8)));
    assert_eq!(found.severity_source.as_deref(), Some("Debian: low"));
    assert_eq!(found.summary, "First line.");
    assert_eq!(found.url, "https://example.com/a");
    let details = library.index.record("DEBIAN-CVE-1").expect("sound").expect("the record");
    assert_eq!(details.references.len(), 1);
    assert_eq!(details.affected, [("Debian:12".to_owned(), "a".to_owned())]);
    assert_eq!(details.details, "\n  First line.\nSecond.");
    assert_eq!(library.index.record("DEBIAN-CVE-2").expect("sound"), None);
}

#[test]
fn an_image_needs_the_ecosystems_of_its_packages() {
    let located = |package| Located { package, purl: String::new(), path: String::new(), layer: 0, owner: None };
    let mut inventory = Inventory {
        release: Some(release("debian", "12")),
        packages: vec![
            located(package(PackageKind::Deb, "a", "1", None)),
            located(package(PackageKind::Pypi, "b", "1", None)),
            located(package(PackageKind::Pypi, "c", "1", None)),
        ],
        ..Inventory::default()
    };
    assert_eq!(ecosystems_needed(&inventory), ["Debian", "PyPI"]);
    inventory.release = Some(release("kali", "2026.1"));
    assert_eq!(ecosystems_needed(&inventory), ["PyPI"]);
}

#[test]
fn fixes_that_their_ecosystem_orders_in_a_circle_are_no_matter() {
    let events: Vec<String> = (0..400)
        .map(|number| format!(r#"{{"fixed": "{}{}"}}"#, 1 + number % 7, ["", "-1", "-2", "-3"][number % 4]))
        .collect();
    let record = format!(
        r#"{{"id": "ASA-1", "modified": "2026-01-01T00:00:00Z", "affected": [{{"package": {{"ecosystem": "Arch Linux", "name": "a"}},
        "ranges": [{{"type": "ECOSYSTEM", "events": [{{"introduced": "0"}}, {}]}}], "versions": ["0.5"]}}]}}"#,
        events.join(",")
    );
    let library = Library::of(&[&record]);
    let found = library.matches("Arch Linux", "a", "0.5");
    assert!(found[0].fixed.as_deref().is_some_and(|fixed| fixed.starts_with('1')), "{found:?}");
}

#[test]
fn a_match_tells_where_above_the_installed_version_the_record_holds_again() {
    let record = |id: &str, ranges: &str, versions: &str| {
        format!(
            r#"{{"id": "{id}", "modified": "2026-01-01T00:00:00Z", "affected": [{{"package": {{"ecosystem": "PyPI", "name": "app"}},
            "ranges": {ranges}, "versions": {versions}}}]}}"#
        )
    };
    let events = r#"[{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.5"}, {"introduced": "2.0"}, {"fixed": "2.3"},
        {"introduced": "3.0"}, {"last_affected": "3.1"}, {"introduced": "4.0"}]}]"#;
    let library =
        Library::of(&[&record("A", events, r#"["1.0", "2.1"]"#), &record("B", "[]", r#"["1.0", "0.9", "1.1"]"#)]);
    let app = package(PackageKind::Pypi, "app", "1.0", None);
    let Verdict::Covered(found) = library.index.verdict(&app, None).expect("sound") else { panic!("covered") };
    let range = |introduced: &str, fixed: Option<&str>, last: Option<&str>| Affected::Range {
        introduced: introduced.into(),
        fixed: fixed.map(Into::into),
        last_affected: last.map(Into::into),
    };
    assert_eq!(
        found[0].again,
        [range("2.0", Some("2.3"), None), range("3.0", None, Some("3.1")), range("4.0", None, None)]
    );
    assert_eq!(found[1].again, [range("1.1", None, Some("1.1"))], "one that lists versions holds at each of these");
}
