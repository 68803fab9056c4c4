//! The ignore file lets go what it names, and nothing unseen.

use advisory::{Rule, Severity, Verdict};
use findings::Report;
use findings::ignore::IgnoreFile;
use inventory::PackageKind;
use proptest::prelude::*;
use time::macros::date;

use crate::sample::{about, identity, inventory, located, matched, of_debian, small, urgent};

const TODAY: time::Date = date!(2026 - 11 - 25);

fn ignoring(mut report: Report, text: &str) -> Report {
    let before = report.findings.len() + report.suppressed.len();
    IgnoreFile::parse(text, "ignore.toml").unwrap_or_else(|error| panic!("{error}")).apply(&mut report, TODAY);
    assert_eq!(report.findings.len() + report.suppressed.len(), before, "nothing is lost");
    report
}

fn entry(lines: &str) -> String {
    format!("[[ignore]]\nreason = \"see ticket 4711\"\n{lines}\n")
}

fn ignored(report: &Report) -> Vec<&str> {
    let by_file = |finding: &&findings::Finding| {
        finding.matched.suppressed.as_ref().is_some_and(|suppression| suppression.rule == Rule::Ignored)
    };
    report.suppressed.iter().filter(by_file).map(|finding| finding.matched.id.as_str()).collect()
}

#[test]
fn any_id_of_a_finding_names_it_and_the_reason_is_kept() {
    for id in ["CVE-2016-10745", "PYSEC-2019-220", "ghsa-hj2j-77xm-mc5v"] {
        let report = ignoring(urgent(), &entry(&format!("id = \"{id}\"\nuntil = 2027-01-31")));
        assert_eq!(ignored(&report), ["GHSA-hj2j-77xm-mc5v", "PYSEC-2019-220"], "{id}");
        let last = report.suppressed.iter().find(|finding| finding.matched.id == "PYSEC-2019-220");
        let suppression = last.and_then(|finding| finding.matched.suppressed.clone()).expect("a reason");
        assert_eq!(suppression.reason, "see ticket 4711 (ignore.toml line 1, until 2027-01-31)");
        assert!(report.notes.is_empty(), "{:?}", report.notes);
    }
}

#[test]
fn places_narrow_an_entry() {
    for (lines, hidden) in [
        ("id = \"CVE-2024-2961\"", 2),
        ("id = \"CVE-2024-2961\"\npackage = \"libc6\"", 1),
        ("id = \"CVE-2024-2961\"\npackage = \"glibc\"", 2),
        ("id = \"CVE-2024-2961\"\npackage = \"bash\"", 0),
        ("id = \"CVE-2024-2961\"\npurl = \"pkg:deb/debian/libc-bin\"", 1),
        ("id = \"CVE-2024-2961\"\npath = \"/var/lib/dpkg/**\"", 2),
        ("id = \"CVE-2024-2961\"\npath = \"/opt/**\"", 0),
        ("id = \"*\"\npackage = \"linux-libc-dev\"", 3),
    ] {
        let report = ignoring(urgent(), &entry(lines));
        assert_eq!(ignored(&report).len(), hidden, "{lines}");
        assert_eq!(report.notes.len(), usize::from(hidden == 0), "{:?}", report.notes);
    }
}

#[test]
fn an_entry_that_ended_counts_no_more_and_is_said() {
    for (until, hidden) in [("2026-11-25", 2), ("2026-11-24", 0)] {
        let report = ignoring(urgent(), &entry(&format!("id = \"CVE-2016-10745\"\nuntil = {until}")));
        assert_eq!(ignored(&report).len(), hidden);
        if hidden == 0 {
            assert_eq!(report.notes, ["ignore.toml line 1: CVE-2016-10745 ended with 2026-11-24 and holds no more"]);
        }
    }
}

#[test]
fn an_entry_that_nothing_is_like_is_said() {
    let report = ignoring(small(), &entry("id = \"CVE-1999-1\""));
    assert_eq!(report.notes, ["ignore.toml line 1: nothing found is like CVE-1999-1"]);
}

#[test]
fn a_notice_stays_while_something_that_it_is_about_is_not_ignored() {
    let glibc = || {
        let found = matched("ALSA-1", &["CVE-2026-1", "CVE-2026-2"], Severity::High, None, None);
        let verdicts = vec![Verdict::Covered(vec![of_debian("glibc", found)])];
        let package = located(PackageKind::Deb, "libc6", "2.36-9", Some("glibc"), 0);
        Report::of_verdicts(about(), inventory(vec![package]), identity(), verdicts)
    };
    let one = entry("id = \"CVE-2026-1\"");
    let half = ignoring(glibc(), &one);
    assert_eq!(half.findings.len(), 1);
    assert_eq!(half.notes, ["ignore.toml: ALSA-1 stays: it is also about CVE-2026-2"]);
    assert!(ignoring(glibc(), &(one + &entry("id = \"cve-2026-2\""))).findings.is_empty());
    assert!(ignoring(glibc(), &entry("id = \"ALSA-1\"")).findings.is_empty());
}

#[test]
fn a_notice_that_is_told_with_its_cves_goes_with_the_last_of_them() {
    let one = ignoring(urgent(), &entry("id = \"CVE-2024-2961\""));
    assert_eq!(ignored(&one), ["DEBIAN-CVE-2024-2961", "DEBIAN-CVE-2024-2961"]);
    assert!(one.findings.iter().any(|finding| finding.matched.id == "DSA-5673-1"));
    assert_eq!(one.counts().total(), urgent().counts().total() - 2, "and does not become one more finding");
    let both = entry("id = \"CVE-2024-2961\"") + &entry("id = \"CVE-2024-33599\"");
    assert!(!ignoring(urgent(), &both).findings.iter().any(|finding| finding.matched.id == "DSA-5673-1"));
}

#[test]
fn a_file_that_is_wrong_is_refused_with_every_line() {
    let text = "[[ignore]]\nid = \"\"\nreason = \"x\"\n[[ignore]]\nid = \"CVE-1\"\nreason = \" \"\n\
                [[ignore]]\nid = \"*\"\nreason = \"x\"\n[[ignore]]\nid = \"CVE-1\"\nreason = \"x\"\n\
                until = 2027-01-31T12:00:00\n[[ignore]]\nid = \"CVE-1\"\nreason = \"x\"\npurl = \"curl\"\npath = \"opt\"\n";
    let wrong = [
        text,
        "[[ignore]]\nid = \"CVE-1\"\n",
        "[[ignore]]\nid = \"CVE-1\"\nreason = \"x\"\nuntill = 2027-01-31\n",
        "[[ignore]]\nid = \"CVE-1\"\nreason = \"x\"\nuntil = \"2027-01-31\"\n",
        "ignore = 1",
        "[[ignore\u{1b}[2J",
    ];
    let errors: Vec<String> =
        wrong.iter().map(|text| IgnoreFile::parse(text, "ignore.toml").expect_err("wrong").to_string()).collect();
    insta::assert_snapshot!(errors.join("\n---\n"));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[\\[\\]a-z=\"\n0-9.-]{0,200}") {
        let _ = IgnoreFile::parse(&text, "ignore.toml");
    }
}
