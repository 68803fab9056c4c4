//! Outputs of other people's formats, held against the schemas that those people ship: CycloneDX's out of its Python
//! library, SARIF's out of Microsoft's package, and SPDX's own validator. `scripts/install.sh test` brings them.

use std::path::PathBuf;
use std::process::Command;

use findings::render::{Bill, MOST_RESULTS, cyclonedx, sarif, spdx};
use findings::{About, Report, Subject};
use inventory::package::Owner;
use inventory::{Inventory, PackageKind};
use serde_json::Value;

use crate::sample::{about, identity, inventory, large, located, matched, small, urgent};

const CYCLONEDX: &str = r"
import json, sys
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read())
sys.exit(0 if error is None else str(error))
";
const SARIF: &str = r#"
import json, sys, os, jsonschema
schema = json.load(open(os.path.join(sys.argv[2], "sarif-2.1.0.json")))
validator = jsonschema.validators.validator_for(schema)
checker = jsonschema.FormatChecker()
validator(schema, format_checker=checker).validate(json.load(open(sys.argv[1])))
"#;
const SPDX: &str = r#"
import sys
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document
messages = validate_full_spdx_document(parse_file(sys.argv[1]))
sys.exit("\n".join(f"{m.validation_message} {m.context.spdx_id}" for m in messages) or 0)
"#;

/// `None` where the schemas are not installed, with a word to the tester; that fails where nothing may be skipped.
fn schemas() -> Option<PathBuf> {
    let folder = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let tools = folder("PLIMSOLL_TOOLS").or_else(|| Some(folder("HOME")?.join(".cache/plimsoll/tools")));
    let schemas = tools.map(|tools| tools.join("schemas")).filter(|schemas| schemas.join("ready").exists());
    if schemas.is_none() {
        assert!(std::env::var_os("PLIMSOLL_REQUIRE").is_none(), "the schemas are required: scripts/install.sh test");
        println!(
            "skipped: no schemas in PLIMSOLL_TOOLS or ~/.cache/plimsoll/tools; scripts/install.sh test brings them"
        );
    }
    schemas
}

/// What the judge has to say of a document; nothing where it is right or the judge is not there.
fn judged(program: &str, name: &str, document: &[u8]) -> Option<String> {
    let schemas = schemas()?;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(name);
    std::fs::write(&file, document).expect("the file");
    let mut python = Command::new(schemas.join("python/bin/python"));
    let run = python.args(["-c", program]).arg(file).arg(&schemas).output().expect("python runs");
    (!run.status.success()).then(|| String::from_utf8_lossy(&run.stderr).into_owned())
}

/// Every shape: findings of all kinds, none, no distribution, odd licences, the same package twice, suppressed ones.
fn reports() -> Vec<Report> {
    let empty = Report::new(about(), Inventory::default(), None).expect("no index, no damage");
    vec![small(), large(), odd(), empty]
}

fn odd() -> Report {
    let mut twice = located(PackageKind::Maven, "org.apache.logging.log4j:log4j-core", "2.14.1", None, 1);
    twice.purl = "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1".into();
    twice.package.licences = vec!["Apache-2.0".into(), "The \u{1b}BSD, or so".into(), "MIT OR ISC".into()];
    let mut again = twice.clone();
    again.path = "/srv/b c:d/log4j.jar".into();
    again.package.licences = vec!["(MIT OR ISC)".into()];
    again.owner =
        Some(Owner { kind: PackageKind::Deb, name: "liblog4j".into(), version: "1".into(), vendor: Some("X".into()) });
    let mut bad = matched("MAL-2025-1", &[], advisory::Severity::Critical, None, None);
    bad.category = advisory::Category::Malware;
    bad.severity_source = Some("Debian: high".into());
    bad.url = "javascript:alert(1)".into();
    bad.modified = Some("yesterday".into());
    bad.summary = String::new();
    bad.kev =
        Some(advisory::Kev { cve: "CVE-2021-44228".into(), added: "2021-12-10".into(), due: None, ransomware: true });
    bad.epss = Some(advisory::Epss { cve: "CVE-2021-44228".into(), probability: 0.97, percentile: 0.999 });
    let mut old = matched("GHSA-jfh8-c2jp-5v3q", &["CVE-2021-44228"], advisory::Severity::High, Some(10.0), Some("3"));
    old.severity_source = Some("AV:N/AC:L/Au:N/C:C/I:C/A:C".into());
    let mut hidden = matched("GHSA-hidden", &[], advisory::Severity::High, Some(7.5), None);
    hidden.suppressed =
        Some(advisory::Suppression { rule: advisory::Rule::Owned, reason: "liblog4j owns its files".into() });
    let verdicts =
        vec![advisory::Verdict::Covered(vec![bad.clone(), old]), advisory::Verdict::Covered(vec![bad, hidden])];
    let mut inventory = Inventory { release: None, ..inventory(vec![twice, again]) };
    inventory.warnings.push("/a\u{202e}b: unreadable".into());
    let about =
        About { name: "./a folder/\u{202e}x".into(), subject: Subject::Folder, platform: String::new(), ..about() };
    Report::of_verdicts(about, inventory, identity(), verdicts)
}

#[test]
fn cyclonedx_is_what_its_schema_allows() {
    for report in reports() {
        for all in [false, true] {
            let document = cyclonedx(&Bill::of_report(&report, all)).expect("JSON");
            assert_eq!(judged(CYCLONEDX, "bom.cdx.json", &document), None);
        }
    }
    let wrong = String::from_utf8(cyclonedx(&Bill::of_report(&small(), false)).expect("JSON")).expect("text");
    let wrong = wrong.replace("\"library\"", "\"book\"");
    if schemas().is_some() {
        assert!(judged(CYCLONEDX, "bom.cdx.json", wrong.as_bytes()).is_some(), "the judge judges");
    }
}

#[test]
fn spdx_is_what_its_own_validator_takes() {
    for report in reports() {
        for all in [false, true] {
            let document = spdx(&Bill::of_report(&report, all)).expect("JSON");
            assert_eq!(judged(SPDX, "bom.spdx.json", &document), None);
        }
    }
    let wrong = String::from_utf8(spdx(&Bill::of_report(&small(), false)).expect("JSON")).expect("text");
    let wrong = wrong.replace("\"licenseDeclared\": \"MIT\"", "\"licenseDeclared\": \"MIT OR\"");
    if schemas().is_some() {
        assert!(judged(SPDX, "bom.spdx.json", wrong.as_bytes()).is_some(), "the judge judges");
    }
}

#[test]
fn sarif_is_what_its_schema_allows() {
    for report in reports() {
        for all in [false, true] {
            let document = sarif(&report, all).expect("JSON").json;
            assert_eq!(judged(SARIF, "report.sarif", &document), None);
        }
    }
    let wrong = String::from_utf8(sarif(&small(), false).expect("JSON").json).expect("text");
    let wrong = wrong.replace("\"level\": \"error\"", "\"level\": \"terrible\"");
    if schemas().is_some() {
        assert!(judged(SARIF, "report.sarif", wrong.as_bytes()).is_some(), "the judge judges");
    }
}

#[test]
fn the_same_report_gives_the_same_bytes_and_another_another_serial_number() {
    let bill = |report: &Report| {
        let bill = Bill::of_report(report, true);
        (cyclonedx(&bill).expect("JSON"), spdx(&bill).expect("JSON"), sarif(report, true).expect("JSON").json)
    };
    assert_eq!(bill(&small()), bill(&small()));
    let serial = |report: &Report| {
        let read: Value = serde_json::from_slice(&bill(report).0).expect("JSON");
        read["serialNumber"].as_str().expect("a serial number").to_owned()
    };
    assert_ne!(serial(&small()), serial(&large()));
}

#[test]
fn what_other_programs_read_stays_as_it_is() {
    let text = |bytes| String::from_utf8(bytes).expect("text");
    let version = format!("\"{}\"", env!("CARGO_PKG_VERSION"));
    let steady = |bytes| text(bytes).replace(&version, "\"VERSION\"").replace(env!("CARGO_PKG_VERSION"), "VERSION");
    let report = odd();
    let bill = Bill::of_report(&report, true);
    insta::assert_snapshot!("cyclonedx", steady(cyclonedx(&bill).expect("JSON")));
    insta::assert_snapshot!("spdx", steady(spdx(&bill).expect("JSON")));
    insta::assert_snapshot!("sarif", steady(sarif(&report, true).expect("JSON").json));
}

#[test]
fn every_vulnerability_affects_components_that_are_there() {
    let report = large();
    let read: Value =
        serde_json::from_slice(&cyclonedx(&Bill::of_report(&report, false)).expect("JSON")).expect("JSON");
    let references: Vec<_> =
        read["components"].as_array().expect("components").iter().map(|part| &part["bom-ref"]).collect();
    let vulnerabilities = read["vulnerabilities"].as_array().expect("vulnerabilities");
    assert_eq!(vulnerabilities.len(), 51, "one for each record");
    let mut affected = 0;
    for vulnerability in vulnerabilities {
        assert!(vulnerability.get("analysis").is_none());
        for affects in vulnerability["affects"].as_array().expect("affects") {
            assert!(references.contains(&&affects["ref"]));
            affected += 1;
        }
    }
    assert_eq!(affected, report.findings.len());
}

#[test]
fn github_gets_no_more_than_it_takes_and_hears_what_is_left_out() {
    let mut report = large();
    let template = report.findings[0].clone();
    report.findings = (0..MOST_RESULTS + 7)
        .map(|number| {
            let mut finding = template.clone();
            finding.matched.id = format!("OSV-{number}");
            finding.matched.aliases = (0..30).map(|alias| format!("CVE-{number}-{alias}")).collect();
            finding
        })
        .collect();
    let written = sarif(&report, false).expect("JSON");
    assert_eq!(written.left_out, 7);
    let read: Value = serde_json::from_slice(&written.json).expect("JSON");
    let run = &read["runs"][0];
    let results = run["results"].as_array().expect("results");
    assert_eq!(results.len(), MOST_RESULTS);
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    assert_eq!(rules.len(), MOST_RESULTS, "no rule without a result");
    assert!(rules.iter().all(|rule| rule["properties"]["tags"].as_array().is_some_and(|tags| tags.len() <= 20)));
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("small");
        assert_eq!(rules[index]["id"], result["ruleId"]);
    }
    let notification = run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].as_str();
    assert!(notification.expect("a notification").starts_with("7 results are left out"));
}

#[test]
fn a_severity_stays_the_same_word_at_github() {
    let report = small();
    let read: Value = serde_json::from_slice(&sarif(&report, false).expect("JSON").json).expect("JSON");
    let rules = read["runs"][0]["tool"]["driver"]["rules"].as_array().expect("rules");
    let number = |id: &str| {
        let rule = rules.iter().find(|rule| rule["id"] == id).expect("the rule");
        rule["properties"]["security-severity"].as_str().map(|text| text.parse::<f64>().expect("a number"))
    };
    assert_eq!(number("CVE-2016-10745"), Some(9.8));
    assert_eq!(number("CVE-2019-9192"), Some(0.0), "Debian's word goes before the score of 7.5");
    assert_eq!(number("CVE-2014-1402"), None, "nobody said anything");
    assert_eq!(number("DSA-5673-1"), Some(8.0), "a word without a score");
}

#[test]
fn several_records_of_one_vulnerability_are_one_result() {
    let report = urgent();
    let read: Value = serde_json::from_slice(&sarif(&report, true).expect("JSON").json).expect("JSON");
    let results = read["runs"][0]["results"].as_array().expect("results");
    let of = |cve: &str, package: &str| {
        let has = |result: &&Value| {
            result["ruleId"] == cve && result["locations"][0]["logicalLocations"][0]["name"] == package
        };
        results.iter().filter(has).collect::<Vec<_>>()
    };
    let jinja = of("CVE-2016-10745", "Jinja2");
    assert_eq!(jinja.len(), 1, "{results:#?}");
    assert_eq!(jinja[0]["properties"]["records"].as_array().expect("records").len(), 2);
    assert_eq!(jinja[0]["properties"]["severity"], "high", "the worst that any record says");
    let counted = results.iter().filter(|result| result.get("suppressions").is_none()).count();
    assert_eq!(counted, report.groups().len(), "as many as are counted everywhere");
}
