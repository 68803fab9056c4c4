//! Several records of one thing are one thing.

use advisory::{Match, Severity, Verdict};
use findings::Report;
use inventory::PackageKind;
use proptest::prelude::*;

use crate::sample::{about, identity, inventory, located, matched, of_debian, urgent};

fn of_python(matches: Vec<Match>) -> Report {
    let jinja = located(PackageKind::Pypi, "Jinja2", "2.4.1", None, 0);
    Report::of_verdicts(about(), inventory(vec![jinja]), identity(), vec![Verdict::Covered(matches)])
}

fn of_glibc(matches: Vec<Match>) -> Report {
    let glibc = located(PackageKind::Deb, "libc6", "2.36-9", Some("glibc"), 0);
    let matches = matches.into_iter().map(|matched| of_debian("glibc", matched)).collect();
    Report::of_verdicts(about(), inventory(vec![glibc]), identity(), vec![Verdict::Covered(matches)])
}

fn record(id: &str, aliases: &[&str], severity: Severity) -> Match {
    matched(id, aliases, severity, None, None)
}

fn told(report: &Report) -> Vec<(String, Vec<String>)> {
    let groups = report.groups();
    let mut told: Vec<_> = groups
        .iter()
        .map(|group| {
            let records = group.records().iter().chain(group.also());
            (group.key().to_owned(), records.map(|record| record.matched.id.clone()).collect::<Vec<_>>())
        })
        .collect();
    told.sort();
    told
}

fn owned(groups: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
    let list = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
    groups.iter().map(|(key, ids)| ((*key).to_owned(), list(ids))).collect()
}

#[test]
fn databases_that_name_one_another_mean_the_same() {
    let report = of_python(vec![
        record("PYSEC-1", &["GHSA-1"], Severity::Unknown),
        record("GHSA-1", &["CVE-2026-1"], Severity::High),
        record("CVE-2026-1", &[], Severity::Medium),
        record("PYSEC-2", &["CVE-2026-2"], Severity::Low),
    ]);
    assert_eq!(
        told(&report),
        owned(&[("CVE-2026-1", &["GHSA-1", "CVE-2026-1", "PYSEC-1"]), ("CVE-2026-2", &["PYSEC-2"])])
    );
    assert_eq!((report.counts().high, report.counts().low, report.counts().total()), (1, 1, 2));
    assert_eq!(report.at_least(Severity::Medium).len(), 1);
}

#[test]
fn a_notice_is_told_with_each_of_its_cves_where_all_stand_alone() {
    let report = of_glibc(vec![
        record("DSA-1", &["CVE-2026-1", "CVE-2026-2"], Severity::Unknown),
        record("DEBIAN-CVE-2026-1", &["CVE-2026-1"], Severity::Low),
        record("DEBIAN-CVE-2026-2", &["CVE-2026-2"], Severity::High),
        record("DLA-1", &["CVE-2026-2"], Severity::Unknown),
    ]);
    assert_eq!(
        told(&report),
        owned(&[
            ("CVE-2026-1", &["DEBIAN-CVE-2026-1", "DSA-1"]),
            ("CVE-2026-2", &["DEBIAN-CVE-2026-2", "DLA-1", "DSA-1"])
        ])
    );
    assert_eq!(report.counts().total(), 2);
}

#[test]
fn a_notice_about_something_that_nothing_else_tells_is_counted() {
    let report = of_glibc(vec![
        record("DSA-1", &["CVE-2026-1", "CVE-2026-2"], Severity::Unknown),
        record("DEBIAN-CVE-2026-1", &["CVE-2026-1"], Severity::Low),
    ]);
    assert_eq!(told(&report), owned(&[("CVE-2026-1", &["DEBIAN-CVE-2026-1"]), ("DSA-1", &["DSA-1"])]));
}

#[test]
fn two_notices_about_one_cve_stay_two() {
    let report = of_glibc(vec![
        record("ALSA-1", &["CVE-2026-1", "CVE-2026-2"], Severity::High),
        record("ALSA-2", &["CVE-2026-2", "CVE-2026-3"], Severity::High),
    ]);
    assert_eq!(report.counts().total(), 2);
}

#[test]
fn the_same_vulnerability_in_two_packages_is_two() {
    let groups = urgent();
    let groups = groups.groups();
    let iconv: Vec<_> = groups.iter().filter(|group| group.key() == "CVE-2024-2961").collect();
    assert_eq!(iconv.len(), 2);
    assert!(iconv.iter().all(|group| group.kev().is_some()));
    // The notice is about it too, and does not make the other CVE exploited.
    assert!(groups.iter().filter(|group| group.key() == "CVE-2024-33599").all(|group| group.kev().is_none()));
}

proptest! {
    #[test]
    fn every_record_is_in_a_group_and_the_order_of_records_changes_no_count(
        aliases in proptest::collection::vec(proptest::collection::vec(0_u8..6, 0..3), 1..8),
        rotation in 0_usize..8,
        of_distribution in any::<bool>(),
    ) {
        let mut records: Vec<Match> = aliases
            .iter()
            .enumerate()
            .map(|(number, cves)| {
                let cves: Vec<String> = cves.iter().map(|cve| format!("CVE-2026-{cve}")).collect();
                let cves: Vec<&str> = cves.iter().map(String::as_str).collect();
                record(&format!("X-{number}"), &cves, Severity::WORST_FIRST[number % 6])
            })
            .collect();
        let make = if of_distribution { of_glibc } else { of_python };
        let report = make(records.clone());
        let in_groups: std::collections::BTreeSet<String> = told(&report).into_iter().flat_map(|(_, ids)| ids).collect();
        prop_assert_eq!(in_groups.len(), records.len());
        let keys: std::collections::BTreeSet<String> = told(&report).into_iter().map(|(key, _)| key).collect();
        prop_assert_eq!(keys.len(), report.groups().len());
        prop_assert!(report.group_keys().iter().all(|keys| !keys.is_empty()));
        let counts = report.counts();
        let length = records.len();
        records.rotate_left(rotation % length);
        prop_assert_eq!(make(records).counts(), counts);
    }
}
