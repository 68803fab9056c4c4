//! A report says what was found, in the order in which to look at it.

use advisory::{Severity, Verdict};
use findings::{Counts, KeptError, Report};
use proptest::prelude::*;

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
    let bytes = report.to_bytes().expect("bytes");
    assert_eq!(Report::from_bytes(&bytes).expect("the report"), report);
    let mut stray = report.clone();
    stray.findings[0].located.layer += 1;
    let bytes = stray.to_bytes().expect("bytes");
    assert_eq!(Report::from_bytes(&bytes).expect("a finding whose package is not in the inventory"), stray);
}

#[test]
fn without_an_index_everything_is_unknown_and_nothing_clean() {
    let packages = small().inventory.packages;
    let report = Report::new(about(), inventory(packages), None).expect("no index, no damage");
    assert_eq!(report.uncovered, [("Debian:12".to_owned(), 2), ("PyPI".to_owned(), 1), ("npm".to_owned(), 1)]);
    assert!(report.findings.is_empty() && report.index.id.is_empty());
}

proptest! {
    #[test]
    fn a_kept_report_that_was_changed_or_cut_is_refused(at in any::<prop::sample::Index>(), flip in 1u8..) {
        let bytes = small().to_bytes().unwrap();
        let at = at.index(bytes.len());
        prop_assert!(Report::from_bytes(&bytes[..at]).is_err());
        let mut changed = bytes;
        changed[at] ^= flip;
        prop_assert!(Report::from_bytes(&changed).is_err());
    }

    #[test]
    fn what_somebody_else_wrote_with_the_right_checksum_is_read_or_refused(
        body in proptest::collection::vec(any::<u8>(), 0..300),
        at in any::<prop::sample::Index>(),
        flip in 1u8..,
    ) {
        let frame = |body: &[u8]| {
            [&b"PLIMREPT"[..], &1u32.to_le_bytes(), &crc32fast::hash(body).to_le_bytes(), body].concat()
        };
        let _ = Report::from_bytes(&frame(&body));
        let mut near = small().to_bytes().unwrap().split_off(16);
        let at = at.index(near.len());
        near[at] ^= flip;
        let _ = Report::from_bytes(&frame(&near));
    }
}

#[test]
fn a_kept_report_of_another_form_says_so() {
    let mut bytes = small().to_bytes().unwrap();
    bytes[8] = 77;
    assert_eq!(Report::from_bytes(&bytes), Err(KeptError::Version(77)));
    assert_eq!(Report::from_bytes(br#"{"name":"a"}"#), Err(KeptError::Foreign));
    assert_eq!(Report::from_bytes(b"PLIMREPT\x01"), Err(KeptError::Damaged));
}

#[test]
fn the_form_of_kept_reports_does_not_change_unnoticed() {
    // The cataloguers' version is no part of the form.
    let bytes = Report { cataloguers: 6, ..small() }.to_bytes().unwrap();
    assert_eq!(
        (bytes[8], crc32fast::hash(&bytes[16..])),
        (1, 42_675_027),
        "where only the sample changed, write its new checksum here; where a type did, raise VERSION in kept.rs too"
    );
}
