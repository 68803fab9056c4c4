//! Only what is new.

use advisory::{Rule, Severity, Verdict};
use findings::render::json;
use findings::{Baseline, Report};
use inventory::PackageKind;

use crate::sample::{about, identity, inventory, located, matched, of_debian, small, urgent};

fn against(mut report: Report, baseline: &Baseline) -> Report {
    let before = report.findings.len() + report.suppressed.len();
    baseline.apply(&mut report);
    assert_eq!(report.findings.len() + report.suppressed.len(), before, "nothing is lost");
    report
}

/// The other image as a report and as what was written of it.
fn both(report: &Report) -> [Baseline; 2] {
    let written = json(report).expect("JSON");
    let [of, read] = [Baseline::of(report), Baseline::parse(&written).expect("our own report")];
    assert_eq!(of, read, "what is written says the same");
    [of, read]
}

#[test]
fn an_image_compared_with_itself_has_nothing_new() {
    for baseline in both(&urgent()) {
        let report = against(urgent(), &baseline);
        assert!(report.findings.is_empty());
        let known = |finding: &&findings::Finding| {
            finding.matched.suppressed.as_ref().is_some_and(|suppression| suppression.rule == Rule::Baseline)
        };
        assert_eq!(report.suppressed.iter().filter(known).count(), urgent().findings.len());
        assert_eq!(
            report.notes,
            ["compared with registry.example.com/payments/api:1.4: 0 new, 8 that it has too, 0 of its 8 went away \
              (each counted once a source package)"]
        );
    }
}

#[test]
fn what_is_new_stays_and_what_went_away_is_counted() {
    for baseline in both(&small()) {
        let report = against(urgent(), &baseline);
        let new: Vec<_> = report.groups().iter().map(|group| group.key().to_owned()).collect();
        assert!(new.contains(&"MAL-2024-1".to_owned()) && !new.contains(&"CVE-2016-10745".to_owned()), "{new:?}");
        // The notice stood alone there, and tells of both CVEs; three that this image has not went away.
        assert!(!new.contains(&"CVE-2024-2961".to_owned()), "{new:?}");
        assert!(report.notes[0].contains("4 new, 4 that it has too, 3 of its 6 went away"), "{:?}", report.notes);
    }
}

#[test]
fn another_version_place_or_release_of_the_package_makes_nothing_new() {
    let scanned = |version: &str, ecosystem: &str, layer| {
        let found = of_debian("curl", matched("DEBIAN-CVE-2026-1", &["CVE-2026-1"], Severity::High, None, None));
        let found = advisory::Match { ecosystem: ecosystem.into(), ..found };
        let curl = located(PackageKind::Deb, "curl", version, Some("curl"), layer);
        Report::of_verdicts(about(), inventory(vec![curl]), identity(), vec![Verdict::Covered(vec![found])])
    };
    let report = against(scanned("8.0-1", "Debian:13", 2), &Baseline::of(&scanned("7.88-1", "Debian:12", 0)));
    assert!(report.findings.is_empty());
}

#[test]
fn a_report_of_the_first_shape_is_read_and_anything_else_refused() {
    let first = r#"{"schema_version": "1.0", "image": {"name": "old"}, "findings": [{"id": "PYSEC-2019-220",
        "known_as": "CVE-2016-10745", "aliases": ["CVE-2016-10745"],
        "matched": {"ecosystem": "PyPI", "name": "jinja2"}}]}"#;
    let report = against(urgent(), &Baseline::parse(first.as_bytes()).expect("a report"));
    assert!(report.findings.iter().all(|finding| finding.matched.id != "GHSA-hj2j-77xm-mc5v"));
    for wrong in ["", "[]", "{}", &first.replace("1.0", "2.0"), &first.replace("\"id\"", "\"di\"")] {
        assert!(Baseline::parse(wrong.as_bytes()).is_err(), "{wrong}");
    }
}
