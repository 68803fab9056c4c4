//! A report says what was found, in the order in which to look at it.

use advisory::{Severity, Verdict};
use findings::{Counts, Report};

use crate::sample::{about, identity, inventory, small};

#[test]
fn findings_come_worst_first_and_then_those_that_can_be_mended() {
    let report = small();
    let order: Vec<_> = report.findings.iter().map(|finding| finding.matched.id.as_str()).collect();
    assert_eq!(
        order,
        [
            "PYSEC-2019-220",
            "DSA-5673-1",
            "GHSA-hostile\u{1b}[2J",
            "PYSEC-2021-66",
            "DEBIAN-CVE-2019-9192",
            "PYSEC-2014-8"
        ]
    );
    assert_eq!(report.counts(), Counts { critical: 1, high: 1, medium: 2, low: 0, negligible: 1, unknown: 1 });
    assert_eq!((report.worst(), report.fixable()), (Some(Severity::Critical), 5));
    assert_eq!(report.uncovered, [("npm".to_owned(), 1)]);
}

#[test]
fn what_is_at_least_so_severe_is_counted() {
    let report = small();
    assert_eq!(report.at_least(Severity::High).len(), 2);
    assert_eq!(report.at_least(Severity::Unknown).len(), 6);
}

#[test]
fn the_same_image_gives_the_same_report_whatever_the_order_of_matches() {
    let report = small();
    let again = Report::of_verdicts(
        about(),
        report.inventory.clone(),
        identity(),
        report
            .inventory
            .packages
            .iter()
            .map(|located| {
                if located.package.name == "left-pad" {
                    return Verdict::Unknown { ecosystem: "npm".into() };
                }
                let of_package = report.findings.iter().rev().filter(|finding| finding.located == *located);
                Verdict::Covered(of_package.map(|finding| finding.matched.clone()).collect())
            })
            .collect(),
    );
    assert_eq!(again, report);
}

#[test]
fn a_report_is_kept_and_read_again_as_it_was() {
    let report = small();
    let json = serde_json::to_vec(&report).expect("JSON");
    assert_eq!(serde_json::from_slice::<Report>(&json).expect("the report"), report);
}

#[test]
fn without_an_index_everything_is_unknown_and_nothing_clean() {
    let packages = small().inventory.packages;
    let report = Report::new(about(), inventory(packages), None).expect("no index, no damage");
    assert_eq!(report.uncovered, [("Debian:12".to_owned(), 2), ("PyPI".to_owned(), 1), ("npm".to_owned(), 1)]);
    assert!(report.findings.is_empty() && report.index.id.is_empty());
}
