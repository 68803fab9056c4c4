//! JSON of the documented shape.

use std::path::{Path, PathBuf};
use std::process::Command;

use findings::Report;
use findings::render::json;

use crate::sample::{about, inventory, large, small, urgent};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}

fn validate(document: &[u8]) -> Option<Result<(), String>> {
    validate_by("report.schema.json", document)
}

/// Validates by Python's jsonschema; `None` where that is not installed. What one schema takes from the report's is put into it, since how a
/// reference to another file is followed differs from one version of jsonschema to the next.
pub(crate) fn validate_by(schema: &str, document: &[u8]) -> Option<Result<(), String>> {
    const PROGRAM: &str = "import json, sys, jsonschema\n\
        text = open(sys.argv[1] + '/' + sys.argv[3]).read().replace('report.schema.json#', '#')\n\
        schema = json.loads(text); report = json.load(open(sys.argv[1] + '/report.schema.json'))\n\
        schema['$defs'] = {**report['$defs'], **schema['$defs']}; document = json.load(open(sys.argv[2]))\n\
        jsonschema.Draft202012Validator.check_schema(schema)\n\
        jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(document)\n";
    let is_there =
        Command::new("python3").args(["-c", "import jsonschema"]).output().is_ok_and(|run| run.status.success());
    if !is_there {
        assert!(std::env::var_os("PLIMSOLL_REQUIRE").is_none(), "python3-jsonschema is not installed");
        println!("skipped: python3 with jsonschema is not installed");
        return None;
    }
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), document).expect("the file");
    let run = Command::new("python3")
        .args(["-c", PROGRAM])
        .arg(docs())
        .arg(file.path())
        .arg(schema)
        .output()
        .expect("python3");
    Some(if run.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&run.stderr).into_owned()) })
}

#[test]
fn every_report_has_the_documented_shape() {
    let empty = Report::new(about(), inventory(Vec::new()), None).expect("no index, no damage");
    for report in [small(), large(), urgent(), empty] {
        let document = json(&report).expect("JSON");
        if let Some(result) = validate(&document) {
            assert_eq!(result, Ok(()));
        }
    }
}

#[test]
fn the_shape_allows_nothing_else() {
    let text = String::from_utf8(json(&small()).expect("JSON")).expect("text");
    for wrong in [
        text.replace("\"fixed_in\"", "\"fixed\""),
        text.replace("\"critical\"", "\"terrible\""),
        text.replace("\"schema_version\": \"1.1\"", "\"schema_version\": \"2.0\""),
        text.replace("\"layer\": 2", "\"layer\": \"2\""),
    ] {
        assert_ne!(wrong, text);
        if let Some(result) = validate(wrong.as_bytes()) {
            assert!(result.is_err());
        }
    }
}

#[test]
fn what_a_program_reads_stays_as_it_is() {
    insta::assert_snapshot!(String::from_utf8(json(&small()).expect("JSON")).expect("text"));
}

#[test]
fn nothing_in_it_can_take_a_terminal_over() {
    let text = String::from_utf8(json(&small()).expect("JSON")).expect("text");
    assert!(text.chars().all(|character| character == '\n' || !character.is_control()));
    assert!(!text.contains('\u{202e}'));
    let read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let ids: Vec<_> = read["findings"].as_array().expect("findings").iter().map(|finding| &finding["id"]).collect();
    assert!(ids.iter().any(|id| *id == "GHSA-hostile\u{1b}[2J"));
}

#[test]
fn what_is_urgent_owned_gone_or_of_a_vendor_stands_in_it() {
    let report: serde_json::Value = serde_json::from_slice(&json(&urgent()).expect("JSON")).expect("JSON");
    let verdict = |name: &str| {
        let packages = report["packages"].as_array().expect("packages");
        packages.iter().find(|package| package["name"] == name).expect("the package")["verdict"].clone()
    };
    assert_eq!(verdict("libc6"), "affected");
    assert_eq!(verdict("python3-idna"), "none-known");
    assert_eq!(verdict("idna"), "by-owner");
    assert_eq!(verdict("postgresql-16"), "unknown");
    assert_eq!(report["findings"][0]["category"], "malware");
    assert_eq!(report["findings"][1]["kev"]["added"], "2024-05-01");
    assert_eq!(report["suppressed"][0]["suppressed"]["rule"], "owned");
    assert_eq!(report["gone"][0]["replaced_by"], "2.36-9+deb12u7");
    let dsa = report["findings"].as_array().expect("findings").iter().find(|one| one["id"] == "DSA-5673-1");
    assert_eq!(dsa.expect("the notice")["groups"], serde_json::json!(["CVE-2024-2961", "CVE-2024-33599"]));
    assert_eq!(report["summary"]["findings"], 10, "two CVEs in two packages, three of headers, two of Jinja2, malware");
    assert_eq!(report["summary"]["records"], 13);
}
