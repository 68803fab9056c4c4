//! What is chosen by a form is shown, and what makes no sense is told.

use advisory::Severity;
use axum::http::StatusCode;
use findings::Group;

use super::browse::get;
use super::html;
use super::material::{busy_report, busy_shelf, policy, telling};
use super::pages::text;

#[tokio::test]
async fn findings_are_filtered_by_severity_fix_and_layer() {
    let (shelf, digest) = busy_shelf().await;
    let catalog = shelf.catalog(telling(), policy());
    let here = format!("/r/payments/api/-/images/{digest}");
    let report = busy_report(&digest);
    let found = report.groups();
    let count = |wanted: fn(&Group<'_>) -> bool| found.iter().filter(|finding| wanted(finding)).count();
    for (query, expected) in [
        ("severity=critical", count(|finding| finding.severity() == Severity::Critical)),
        ("severity=high", count(|finding| finding.severity() >= Severity::High)),
        ("fixable=1", count(|finding| finding.fixed().is_some())),
        ("layer=1", count(|finding| finding.located().layer == 1)),
        ("layer=2&fixable=1&severity=high", 1),
        ("severity=&layer=&fixable=0", found.len()),
    ] {
        let answer = get(&catalog, &format!("{here}?{query}")).await;
        let words = match expected {
            1 => "1 finding as chosen, what to look at first before others".to_owned(),
            129 => "129 findings, what to look at first before others".to_owned(),
            some => format!("{some} findings as chosen, what to look at first before others"),
        };
        assert!(text(&answer.body).contains(&words), "{query}: {words}");
    }
    assert!(text(&get(&catalog, &format!("{here}?layer=3")).await.body).contains("No finding is like that."));
    // The next page keeps what was chosen.
    let answer = get(&catalog, &format!("{here}?severity=negligible")).await;
    assert!(answer.body.contains(&format!("{here}?severity=negligible&#38;page=2#findings")), "{}", answer.body);
}

#[tokio::test]
async fn a_choice_that_makes_no_sense_is_told_and_not_guessed() {
    let (shelf, digest) = busy_shelf().await;
    let catalog = shelf.catalog(telling(), policy());
    let here = format!("/r/payments/api/-/images/{digest}");
    for query in ["severity=bad", "fixable=maybe", "layer=-1", "layer=99999", "page=0", "page=x"] {
        let answer = get(&catalog, &format!("{here}?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        html::check(&answer.body);
    }
    let beyond = get(&catalog, &format!("{here}?page=99")).await;
    assert!(text(&beyond.body).contains("101 to 129 of 129"), "lists shrink: beyond the end is the last page");
}

#[tokio::test]
async fn packages_are_listed_and_found_by_name() {
    let (shelf, digest) = busy_shelf().await;
    let catalog = shelf.catalog(telling(), policy());
    let here = format!("/r/payments/api/-/images/{digest}/packages");
    assert!(text(&get(&catalog, &here).await.body).contains("158 packages"));
    let text = text(&get(&catalog, &format!("{here}?name=JINJA")).await.body);
    assert!(text.contains("1 package Name"), "{text}");
    assert!(text.contains("Jinja2 2.10 pypi"), "{text}");
}
