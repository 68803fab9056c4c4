//! What the gate lets through and what it refuses, and with which words.

use advisory::Severity::{Critical, High, Low, Medium, Unknown};
use gate::{Facts, Mode, Policy, Verdict};
use time::macros::datetime;

use super::material::{NOW, REPOSITORY, digest, enforce, facts, finding, policy, report, signature};

fn refusal(verdict: &Verdict) -> String {
    assert!(!verdict.allowed, "was let through");
    assert_eq!(verdict.mode, Mode::Enforce);
    verdict.reasons.join("\n")
}

const SIGNED: &str = "signers = { keys = [\"release.pub\"] }";
const AT_MOST_MEDIUM: &str = "findings = { at-most = \"medium\" }";

#[test]
fn nothing_is_demanded_where_no_rule_matches() {
    let (digest, report) = (digest(), report(vec![]));
    let elsewhere = Facts { repository: "docker.io/library/debian", ..facts(&digest, &report) };
    for policy in [Policy::default(), enforce(SIGNED)] {
        let verdict = policy.decide(&elsewhere);
        assert_eq!(verdict, Verdict { allowed: true, mode: Mode::Off, rule: None, reasons: vec![] });
        assert!(policy.needs("docker.io/library/debian").signers.is_empty());
    }
}

#[test]
fn the_first_rule_that_matches_holds() {
    let policy = policy(
        "[[rule]]\nimages = \"registry.example.com/payments/api\"\nmode = \"off\"\n\
         [[rule]]\nimages = \"registry.example.com/**\"\nmode = \"enforce\"\nsigners = { keys = [\"release.pub\"] }\n",
    );
    let (digest, report) = (digest(), report(vec![]));
    let verdict = policy.decide(&facts(&digest, &report));
    assert!(verdict.allowed);
    assert_eq!(verdict.rule.as_deref(), Some(REPOSITORY));
    assert!(policy.needs(REPOSITORY).signers.is_empty());
    let other = Facts { repository: "registry.example.com/web", ..facts(&digest, &report) };
    assert!(!policy.decide(&other).allowed);
    assert_eq!(policy.needs(other.repository).signers.len(), 1);
    assert!(!policy.needs(other.repository).findings);
}

#[test]
fn an_unsigned_image_is_refused_with_the_command_that_signs() {
    let (digest, report) = (digest(), report(vec![]));
    let verdict = enforce(SIGNED).decide(&facts(&digest, &report));
    insta::assert_snapshot!(refusal(&verdict));
}

#[test]
fn mode_warn_tells_the_same_and_lets_through() {
    let (digest, report) = (digest(), report(vec![]));
    let facts = facts(&digest, &report);
    let strict = enforce(SIGNED).decide(&facts);
    let policy = policy(&format!("[[rule]]\nimages = \"registry.example.com/payments/**\"\nmode = \"warn\"\n{SIGNED}"));
    let verdict = policy.decide(&facts);
    assert!(verdict.allowed);
    assert_eq!(verdict.mode, Mode::Warn);
    assert_eq!(verdict.reasons, strict.reasons);
}

#[test]
fn a_threshold_counts_different_keys_of_the_rule() {
    let policy = enforce("signers = { keys = [\"release.pub\", \"second.pub\"], threshold = 2 }");
    let (digest, report) = (digest(), report(vec![]));
    let with = |names: &[&str]| {
        let signatures = Some(Ok(names.iter().map(|name| signature(name)).collect()));
        policy.decide(&Facts { signatures, ..facts(&digest, &report) })
    };
    assert!(with(&["release.pub", "second.pub"]).allowed);
    let too_few = [with(&["release.pub", "release.pub"]), with(&["release.pub", "third.pub"]), with(&["third.pub"])];
    insta::assert_snapshot!(too_few.iter().map(refusal).collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_fact_that_is_missing_failed_or_of_another_image_closes_the_gate() {
    let (digest, good) = (digest(), report(vec![]));
    let mut without_index = report(vec![]);
    without_index.index = findings::report::IndexIdentity::default();
    let other = findings::Report { digest: image::Digest::sha256(b"another"), ..report(vec![]) };
    let policy = enforce(&format!("{SIGNED}\n{AT_MOST_MEDIUM}"));
    let signed = || Some(Ok(vec![signature("release.pub")]));
    assert!(policy.decide(&Facts { signatures: signed(), ..facts(&digest, &good) }).allowed);
    let closed = [
        Facts { signatures: None, ..facts(&digest, &good) },
        Facts { signatures: Some(Err("the registry answered 503".into())), ..facts(&digest, &good) },
        Facts { signatures: signed(), report: None, ..facts(&digest, &good) },
        Facts {
            signatures: signed(),
            report: Some(Err("pending: 2 of 3 layers are catalogued".into())),
            ..facts(&digest, &good)
        },
        Facts { signatures: signed(), report: Some(Ok(&other)), ..facts(&digest, &good) },
        Facts { signatures: signed(), report: Some(Ok(&without_index)), ..facts(&digest, &good) },
    ];
    insta::assert_snapshot!(closed.iter().map(|facts| refusal(&policy.decide(facts))).collect::<Vec<_>>().join("\n"));
}

#[test]
fn findings_above_the_limit_are_named_worst_first() {
    let digest = digest();
    let report = report(vec![
        finding("DSA-1", Low, "tar", Some("1.1")),
        finding("CVE-2026-2", High, "curl", Some("1.1")),
        finding("CVE-2026-3", Critical, "openssl", None),
        finding("CVE-2026-4", Unknown, "bash", None),
    ]);
    insta::assert_snapshot!(refusal(&enforce(AT_MOST_MEDIUM).decide(&facts(&digest, &report))));
    assert!(enforce("findings = { at-most = \"critical\" }").decide(&facts(&digest, &report)).allowed);
}

#[test]
fn a_long_list_of_findings_is_cut_and_counted() {
    let digest = digest();
    let report = report((0..40).map(|n| finding(&format!("CVE-2026-{n}"), High, "curl", Some("1.1"))).collect());
    insta::assert_snapshot!(refusal(&enforce(AT_MOST_MEDIUM).decide(&facts(&digest, &report))));
}

#[test]
fn only_fixable_looks_past_what_has_no_fix() {
    let digest = digest();
    let unfixed = report(vec![finding("CVE-2026-1", Critical, "curl", None)]);
    let policy = enforce("findings = { at-most = \"medium\", only-fixable = true }");
    assert!(policy.decide(&facts(&digest, &unfixed)).allowed);
    assert!(!enforce(AT_MOST_MEDIUM).decide(&facts(&digest, &unfixed)).allowed);
    let fixed = report(vec![finding("CVE-2026-1", Critical, "curl", Some("1.1"))]);
    assert!(!policy.decide(&facts(&digest, &fixed)).allowed);
}

#[test]
fn none_admits_not_even_an_unscored_finding() {
    let digest = digest();
    let unscored = report(vec![finding("CVE-2026-1", Unknown, "curl", None)]);
    assert!(!enforce("findings = { at-most = \"none\" }").decide(&facts(&digest, &unscored)).allowed);
    assert!(enforce("findings = { at-most = \"negligible\" }").decide(&facts(&digest, &unscored)).allowed);
    assert!(enforce("findings = { at-most = \"none\" }").decide(&facts(&digest, &report(vec![]))).allowed);
}

fn excepted(until: &str) -> Policy {
    enforce(&format!(
        "{AT_MOST_MEDIUM}\n[[rule.exceptions]]\nid = \"cve-2026-1\"\nreason = \"not reachable, see ticket 4711\"\n{until}"
    ))
}

#[test]
fn an_exception_names_the_id_or_any_alias() {
    let digest = digest();
    let mut by_alias = finding("DSA-5678-1", High, "curl", Some("1.1"));
    by_alias.matched.aliases = vec!["CVE-2026-1".into()];
    let both = report(vec![finding("CVE-2026-1", High, "wget", None), by_alias]);
    let judgement = excepted("").judge(&facts(&digest, &both));
    assert!(judgement.verdict().allowed);
    assert_eq!(judgement.excepted.len(), 1);
    assert_eq!(judgement.excepted[0].packages, ["curl 1.0-1", "wget 1.0-1"]);
    let other = report(vec![finding("CVE-2026-11", High, "curl", None)]);
    assert!(!excepted("").decide(&facts(&digest, &other)).allowed);
}

#[test]
fn an_exception_for_one_cve_of_a_notice_leaves_the_others() {
    let digest = digest();
    let mut notice = finding("DSA-5678-1", High, "curl", Some("1.1"));
    notice.matched.aliases = vec!["CVE-2026-1".into(), "CVE-2026-9".into()];
    let report = report(vec![notice]);
    let exception = |id: &str| format!("[[rule.exceptions]]\nid = \"{id}\"\nreason = \"not reachable\"\n");
    let judge = |ids: &[&str]| {
        let exceptions: String = ids.iter().map(|id| exception(id)).collect();
        enforce(&format!("{AT_MOST_MEDIUM}\n{exceptions}")).judge(&facts(&digest, &report))
    };
    let half = judge(&["CVE-2026-1"]);
    assert!(!half.verdict().allowed && half.excepted.is_empty());
    let said = format!("{half:?}");
    assert!(said.contains("also about CVE-2026-9 that no exception names"), "{said}");
    assert!(judge(&["CVE-2026-1", "cve-2026-9"]).verdict().allowed);
    assert!(judge(&["DSA-5678-1"]).verdict().allowed, "the notice itself is all that it is about");
}

#[test]
fn an_exception_holds_through_its_last_day_in_utc() {
    let (digest, report) = (digest(), report(vec![finding("CVE-2026-1", High, "curl", Some("1.1"))]));
    let policy = excepted("until = 2027-01-31");
    let at = |now| policy.decide(&Facts { now, ..facts(&digest, &report) });
    assert!(at(datetime!(2027-01-31 23:59:59 UTC)).allowed);
    // Already February in Tokyo, still January in UTC.
    assert!(at(datetime!(2027-02-01 08:00 +9)).allowed);
    insta::assert_snapshot!(refusal(&at(datetime!(2027-02-01 0:00 UTC))));
}

#[test]
fn packages_that_no_source_covers_are_unknown_never_clean() {
    let digest = digest();
    let mut report = report(vec![]);
    report.uncovered = vec![("Debian:12".into(), 96), ("npm".into(), 1)];
    insta::assert_snapshot!(refusal(&enforce(AT_MOST_MEDIUM).decide(&facts(&digest, &report))));
}

#[test]
fn an_index_that_is_too_old_or_of_no_known_day_closes_the_gate() {
    let digest = digest();
    let policy = enforce("findings = { at-most = \"medium\", index-age = \"7d\" }");
    let with = |built_at: &str| {
        let mut report = report(vec![]);
        report.index.built_at = built_at.into();
        policy.decide(&facts(&digest, &report))
    };
    assert!(with("2026-11-18T12:00:00Z").allowed, "just seven days");
    assert!(with("2026-11-25T20:00:00Z").allowed, "a clock eight hours ahead");
    let closed = [with("2026-11-18T11:59:59Z"), with(""), with("yesterday\n\u{1b}[2J"), with("2027-11-18T12:00:00Z")];
    insta::assert_snapshot!(closed.iter().map(refusal).collect::<Vec<_>>().join("\n"));
    // Without `index-age` any index will do.
    let mut old = report(vec![]);
    old.index.built_at = "2020-01-01T00:00:00Z".into();
    assert!(enforce(AT_MOST_MEDIUM).decide(&facts(&digest, &old)).allowed);
}

#[test]
fn text_from_images_cannot_forge_a_line_of_a_refusal() {
    let digest = digest();
    let report = report(vec![finding("CVE-2026-1\nallowed", High, "cu\u{1b}[2Jrl\u{202e}", Some("1.1\r\nok"))]);
    let reasons = refusal(&enforce(AT_MOST_MEDIUM).decide(&facts(&digest, &report)));
    assert!(!reasons.contains(['\n', '\r', '\u{1b}', '\u{202e}']), "{reasons:?}");
}

#[test]
fn the_version_follows_the_text_and_the_keys() {
    let text = format!("[[rule]]\nimages = \"**\"\nmode = \"warn\"\n{SIGNED}\n");
    let folder = tempfile::tempdir().unwrap();
    let parse = |text: &str, key: &str| {
        std::fs::copy(super::material::folder().join(key), folder.path().join("release.pub")).unwrap();
        Policy::parse(text, "policy.toml", folder.path()).unwrap().version().clone()
    };
    let first = parse(&text, "release.pub");
    assert_eq!(first, parse(&text, "release.pub"));
    assert_ne!(first, parse(&text, "second.pub"));
    assert_ne!(first, parse(&format!("{text}# reviewed\n"), "release.pub"));
    assert_ne!(first, *Policy::default().version());
}

#[test]
fn a_judgement_tells_every_requirement() {
    let digest = digest();
    let report =
        report(vec![finding("CVE-2026-1", High, "curl", Some("1.1")), finding("CVE-2026-2", Medium, "tar", None)]);
    let policy = enforce(
        "signers = { keys = [\"release.pub\"] }\nfindings = { at-most = \"medium\", only-fixable = true, index-age = \"7d\" }",
    );
    let facts = Facts { signatures: Some(Ok(vec![signature("release.pub")])), now: NOW, ..facts(&digest, &report) };
    insta::assert_debug_snapshot!(policy.judge(&facts));
}

#[test]
fn an_image_that_was_not_wholly_read_is_not_let_through() {
    let digest = digest();
    let mut partly = report(vec![]);
    partly.inventory.unread = vec!["layer 0: /var/lib/dpkg/status: not read; it is a hard link".into()];
    let judgement = enforce(AT_MOST_MEDIUM).judge(&facts(&digest, &partly));
    let verdict = judgement.verdict();
    assert!(!verdict.allowed);
    let unmet: Vec<_> = judgement.requirements.iter().filter(|requirement| !requirement.met).collect();
    assert_eq!(unmet.len(), 1);
    assert!(unmet[0].found.contains("1 part in it could not be read"), "{}", unmet[0].found);
    assert!(unmet[0].details[0].contains("hard link"));
}

#[test]
fn who_allows_the_unknown_is_asked_for_findings_alone() {
    let digest = digest();
    let mut partly = report(vec![]);
    partly.inventory.unread = vec!["layer 0: /var/lib/dpkg/status: not read".into()];
    partly.uncovered = vec![("NodeSource".into(), 1)];
    let lenient = "findings = { at-most = \"medium\", allow-unknown = true }";
    assert!(enforce(lenient).decide(&facts(&digest, &partly)).allowed);
    assert!(!enforce(AT_MOST_MEDIUM).decide(&facts(&digest, &partly)).allowed);
    let severe = report(vec![finding("CVE-2026-1", High, "curl", None)]);
    assert!(!enforce(lenient).decide(&facts(&digest, &severe)).allowed);
}
