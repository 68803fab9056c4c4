//! Why something is found, and why something is not.

use advisory::Index;
use advisory::index::{Compiler, Writer};
use advisory::sources::Sink as _;
use findings::explain::{Absence, Explanation};
use findings::render::{View, explain, explain_json};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::json::validate_by;
use crate::sample::urgent;

/// An index of records about what the sample has and has not.
fn index() -> (TempDir, Index) {
    let range = |ecosystem: &str, name: &str, events: Value| json!({"package": {"ecosystem": ecosystem, "name": name}, "ranges": [{"type": "ECOSYSTEM", "events": events}]});
    let fixed = |version: &str| json!([{"introduced": "0"}, {"fixed": version}]);
    let mut old = range("PyPI", "jinja2", json!([{"introduced": "2.0"}, {"fixed": "2.4"}]));
    old["versions"] = json!(["2.0", "2.1", "2.2", "2.3"]);
    let mut records = [
        json!({"id": "DSA-5673-1", "upstream": ["CVE-2024-2961", "CVE-2024-33599"], "summary": "glibc - security update",
            "affected": [range("Debian:12", "glibc", fixed("2.36-9+deb12u8"))]}),
        json!({"id": "DEBIAN-CVE-2024-2961", "upstream": ["CVE-2024-2961"],
            "details": "The iconv() function in the GNU C Library versions 2.39 and older may overflow the output buffer \
                        passed to it by up to 4 bytes when converting strings to the ISO-2022-CN-EXT character set, which may \
                        be used to crash an application or overwrite a neighbouring variable.\n\n- first\n- second",
            "references": [{"type": "ADVISORY", "url": "https://security-tracker.debian.org/tracker/CVE-2024-2961"}],
            "affected": [range("Debian:12", "glibc", fixed("2.36-9+deb12u8")), range("Debian:11", "glibc", fixed("2.31-13"))]}),
        json!({"id": "PYSEC-2010-1", "aliases": ["CVE-2010-1"], "affected": [old]}),
        json!({"id": "DEBIAN-CVE-2020-1", "upstream": ["CVE-2020-1"], "affected": [range("Debian:12", "openssl", fixed("9"))]}),
        json!({"id": "ALPINE-CVE-2020-2", "upstream": ["CVE-2020-2"], "affected": [range("Alpine:v3.20", "glibc", fixed("9"))]}),
        json!({"id": "ALSA-2024:3269", "related": ["CVE-2024-2961"], "details": "A long text about another system.",
            "affected": [range("AlmaLinux:9", "glibc", fixed("2.34-100.el9"))]}),
        json!({"id": "OSV-2020-3", "aliases": ["CVE-2020-3"], "affected": []}),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let mut compiler = Compiler::new("own", "records", "2026-11-22T08:00:00Z", folder.path()).expect("a compiler");
    for record in &mut records {
        record["modified"] = json!("2026-01-01T00:00:00Z");
        let record = advisory::record::parse(record.to_string().as_bytes()).expect("a record");
        compiler.record("a record", record).expect("the record");
    }
    let mut writer = Writer::lock(&folder.path().join(Index::FILE), &|_| {}).expect("the lock");
    let index = writer.commit(&[compiler.finish().expect("a segment")], &[]).expect("an index");
    (folder, index)
}

fn told(id: &str, width: u16) -> String {
    let (_folder, index) = index();
    let report = urgent();
    let explanation = Explanation::new(id, &report, Some(&index)).expect("no damage");
    let text = explain(&explanation, View { width: Some(width), colour: false, all: true });
    let is_whole = |line: &str| ["sha256:", "apt-get install", "pkg:"].iter().any(|whole| line.contains(whole));
    for line in text.lines() {
        assert!(line.chars().count() <= usize::from(width) || is_whole(line), "{line}");
    }
    text
}

#[test]
fn everything_that_is_known_of_a_finding_is_told_at_eighty_columns() {
    insta::assert_snapshot!(told("CVE-2024-2961", 80));
}

#[test]
fn everything_that_is_known_of_a_finding_is_told_at_two_hundred_columns() {
    insta::assert_snapshot!(told("CVE-2024-2961", 200));
}

#[test]
fn what_is_told_of_systems_that_the_image_has_nothing_of_is_named_and_not_spelled_out() {
    let text = told("CVE-2024-2961", 80);
    assert!(text.contains("TOLD OF OTHER SYSTEMS\n  ALSA-2024:3269 (AlmaLinux:9)\n"), "{text}");
    assert!(!text.contains("A long text about another system"), "{text}");
}

#[test]
fn any_id_leads_to_the_same_finding() {
    let (_folder, index) = index();
    let report = urgent();
    let places = |id: &str| {
        let explanation = Explanation::new(id, &report, Some(&index)).expect("no damage");
        explanation.found.iter().map(|place| place.first().key().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(places("CVE-2016-10745"), ["CVE-2016-10745"]);
    assert_eq!(places("ghsa-hj2j-77xm-mc5v"), ["CVE-2016-10745"]);
    assert_eq!(places("DSA-5673-1"), ["CVE-2024-2961", "CVE-2024-33599"]);
}

#[test]
fn what_is_not_counted_says_why() {
    let text = told("CVE-2024-3651", 80);
    assert!(text.contains("NOT COUNTED: idna 3.3 (pypi), medium"), "{text}");
    assert!(text.contains("owned by     python3-idna 3.3-1 (deb)"), "{text}");
}

#[test]
fn what_is_not_found_says_how_near_it_is() {
    let ids = ["CVE-2010-1", "CVE-2020-1", "CVE-2020-2", "CVE-2020-3", "CVE-2099-1"];
    insta::assert_snapshot!(ids.map(|id| told(id, 100)).join("\n------\n"));
}

#[test]
fn without_advisories_nothing_is_said_to_be_clean() {
    let report = urgent();
    let explanation = Explanation::new("CVE-2099-1", &report, None).expect("no index, no damage");
    assert_eq!(explanation.absent, [Absence::NoIndex]);
    let text = explain(&explanation, View::default());
    assert!(text.contains("NOT KNOWN") && !text.contains("NOT AFFECTED"), "{text}");
}

#[test]
fn a_program_reads_the_same() {
    let (_folder, index) = index();
    let report = urgent();
    let document = |id: &str| -> Value {
        let explanation = Explanation::new(id, &report, Some(&index)).expect("no damage");
        let json = explain_json(&explanation).expect("JSON");
        if let Some(valid) = validate_by("explain.schema.json", &json) {
            assert_eq!(valid, Ok(()), "{id}");
        }
        serde_json::from_slice(&json).expect("JSON")
    };
    let found = document("CVE-2024-2961");
    assert_eq!(found["verdict"], "affected");
    assert_eq!(found["findings"].as_array().expect("findings").len(), 4, "two records in two packages");
    assert_eq!(found["upgrades"][0]["command"], "apt-get install --only-upgrade libc-bin libc6");
    assert_eq!(found["gone"][0]["version"], "2.36-9+deb12u6");
    assert_eq!(found["records"].as_array().expect("records").len(), 3, "those of other systems too");
    for (id, verdict, reason) in [
        ("CVE-2024-3651", "not-counted", None),
        ("CVE-2010-1", "not-affected", Some("outside")),
        ("CVE-2020-1", "not-affected", Some("not-there")),
        ("CVE-2020-2", "not-affected", Some("elsewhere")),
        ("CVE-2020-3", "not-affected", Some("nothing-named")),
        ("CVE-2099-1", "unknown", Some("no-record")),
    ] {
        let document = document(id);
        assert_eq!(document["verdict"], verdict, "{id}");
        assert_eq!(document["reasons"][0]["reason"].as_str(), reason, "{id}");
    }
    assert_eq!(document("CVE-2010-1")["reasons"][0]["ranges"], json!(["from 2.0 to before 2.4"]));
}

#[test]
fn the_documented_shape_of_an_explanation_allows_nothing_else() {
    let (_folder, index) = index();
    let report = urgent();
    for (id, right, wrong) in [
        ("CVE-2010-1", "\"outside\"", "\"beyond\""),
        ("CVE-2024-2961", "\"affected\"", "\"maybe\""),
        ("CVE-2024-2961", "\"fixed_in\"", "\"fixed\""),
        ("CVE-2024-2961", "\"segment\"", "\"part\""),
    ] {
        let explanation = Explanation::new(id, &report, Some(&index)).expect("no damage");
        let text = String::from_utf8(explain_json(&explanation).expect("JSON")).expect("text");
        let changed = text.replace(right, wrong);
        assert_ne!(changed, text);
        if let Some(valid) = validate_by("explain.schema.json", changed.as_bytes()) {
            assert!(valid.is_err(), "{wrong}");
        }
    }
}
