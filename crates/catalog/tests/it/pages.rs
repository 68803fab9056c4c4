//! What stands on each page.

use axum::http::StatusCode;
use gate::Policy;

use super::browse::get;
use super::html;
use super::material::{Shelf, busy_shelf, policy, report, telling};

/// The text of a page as a person reads it: tags out, blanks in one.
pub(crate) fn text(page: &str) -> String {
    let pieces = page.split('<').map(|piece| piece.split_once('>').map_or("", |(_, words)| words));
    let text = pieces.collect::<Vec<_>>().join(" ");
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace(" ,", ",").replace(" .", ".").replace("&#38;", "&")
}

#[tokio::test]
async fn every_page_is_sound_html() {
    let (shelf, digest) = busy_shelf().await;
    let catalog = shelf.catalog(telling(), policy());
    for address in [
        "/".to_owned(),
        "/?after=zzz".to_owned(),
        "/r/payments/api".to_owned(),
        "/r/web/storefront".to_owned(),
        "/r/lab/new".to_owned(),
        format!("/r/payments/api/-/images/{digest}"),
        format!("/r/payments/api/-/images/{digest}?severity=high&fixable=1&layer=1"),
        format!("/r/payments/api/-/images/{digest}?page=2"),
        format!("/r/payments/api/-/images/{digest}/packages"),
        format!("/r/payments/api/-/images/{digest}/packages?name=nothing-like-it"),
        "/cve/CVE-2019-10906".to_owned(),
        "/cve/CVE-2026-20003".to_owned(),
    ] {
        let answer = get(&catalog, &address).await;
        assert_eq!(answer.status, StatusCode::OK, "{address}: {}", answer.body);
        html::check(&answer.body);
    }
    for address in ["/r/none", "/r/A", "/cve/CVE-1", "/find?q=%3F%3F", "/r/payments/api/-/images/sha256:1"] {
        let answer = get(&catalog, address).await;
        assert!(answer.status.is_client_error(), "{address}");
        html::check(&answer.body);
    }
}

#[tokio::test]
async fn an_empty_server_says_how_to_push() {
    let answer = get(&Shelf::new().await.catalog(vec![], Policy::default()), "/").await;
    html::check(&answer.body);
    assert!(text(&answer.body).contains("docker push registry.example.com/IMAGE"));
}

#[tokio::test]
async fn the_overview_shows_each_repository_by_its_newest_image() {
    let (shelf, _) = busy_shelf().await;
    let answer = get(&shelf.catalog(telling(), policy()), "/").await;
    let text = text(&answer.body);
    for row in [
        "payments/api 2.4.1 of 4 critical 4 17 36 40 16 16 49 1 attached 2026-11-25 08:20",
        "tools/backup 1 nothing found 0 0 0 0 0 0 0 none 2026-10-02 11:00",
        "web/storefront main high 0 1 0 0 0 0 1 none 2026-11-24 16:02",
        "lab/new latest pending the worker that reads its packages was killed; it is tried again none",
        "medium 12 not looked up older advisories 0 0 36 0 0 0",
    ] {
        assert!(text.contains(row), "{row}\n{text}");
    }
}

#[tokio::test]
async fn a_repository_lists_each_platform_of_each_tag() {
    let (shelf, _) = busy_shelf().await;
    let answer = get(&shelf.catalog(telling(), policy()), "/r/web/storefront").await;
    let text = text(&answer.body);
    assert!(text.contains("main linux/amd64"), "{text}");
    assert!(text.contains("main linux/arm64"), "{text}");
    assert!(text.contains("pending 2 of 6 layers are catalogued"), "{text}");
}

#[tokio::test]
async fn a_tag_leads_to_its_image() {
    let (shelf, digest) = busy_shelf().await;
    let catalog = shelf.catalog(telling(), policy());
    let answer = get(&catalog, "/r/payments/api/-/tags/2.4.1").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.header("location"), format!("/r/payments/api/-/images/{digest}"));
    assert_eq!(get(&catalog, "/r/web/storefront/-/tags/main").await.header("location"), "/r/web/storefront");
    assert_eq!(get(&catalog, "/r/payments/api/-/tags/none").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_field_at_the_top_leads_to_vulnerabilities_and_repositories() {
    let (shelf, _) = busy_shelf().await;
    let catalog = shelf.catalog(telling(), policy());
    for (wanted, address) in [
        ("cve-2026-20000", "/cve/CVE-2026-20000"),
        ("DSA-5678-1", "/cve/DSA-5678-1"),
        ("ghsa-462w-v97r-4m45", "/cve/ghsa-462w-v97r-4m45"),
        ("payments/api", "/r/payments/api"),
        ("registry.example.com/payments/api:2.4.1", "/r/payments/api"),
        ("", "/"),
    ] {
        let answer = get(&catalog, &format!("/find?q={wanted}")).await;
        assert_eq!(answer.header("location"), address, "{wanted}");
    }
}

#[tokio::test]
async fn an_image_says_what_to_do_and_what_the_policy_thinks() {
    let (shelf, digest) = busy_shelf().await;
    let answer = get(&shelf.catalog(telling(), policy()), &format!("/r/payments/api/-/images/{digest}")).await;
    let text = text(&answer.body);
    for words in [
        "System Debian GNU/Linux 12 (bookworm)",
        "Refused by policy",
        "Not met: no finding that has a fix above high; it has 3 such findings",
        "CVE-2026-20000 in libssl3 3.0.11-1~deb12u2: not reachable, see ticket 4711, through 2099-01-31",
        "Jinja2 pypi pip install &#39;Jinja2&#62;=2.10.1&#39; 2.10 2.10.1 1 high 2",
        "129 findings, what to look at first before others",
        "1 to 100 of 129 Next",
        "156 deb, 2 pypi packages. List them",
        "CVE-2026-20101 exploited since 2026-11-03 (CISA)",
        "CVE-2019-10906 PYSEC-2019-217, GHSA-462w-v97r-4m45 likely 34 % within 30 days (EPSS)",
        "1 finding not counted",
        "CVE-2024-3651 idna 3.3 owned python3-idna 3.3-1+deb12u1 of Debian owns",
        "0 base",
        "RUN /bin/sh -c pip install --no-cache-dir -r requirements.txt # buildkit",
        "the image does not say",
        "1 signature attached",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
}

#[tokio::test]
async fn a_pending_image_says_why() {
    let (shelf, _) = busy_shelf().await;
    let catalog = shelf.catalog(telling(), policy());
    let leads_to = get(&catalog, "/r/lab/new/-/tags/latest").await.header("location").to_owned();
    let answer = get(&catalog, &leads_to).await;
    html::check(&answer.body);
    let text = text(&answer.body);
    let reason = "Pending There is no report of this image yet: the worker that reads its packages was killed";
    assert!(text.contains(reason), "{text}");
    assert!(text.contains("Waiting since 2026-11-25 08:20 UTC"), "{text}");
}

#[tokio::test]
async fn an_image_pushed_but_not_yet_looked_at_is_pending_too() {
    let shelf = Shelf::new().await;
    let digest = shelf.push("a/b", Some("1"), "x", "2026-11-25T08:00:00Z").await;
    let answer = get(&shelf.catalog(vec![], Policy::default()), &format!("/r/a/b/-/images/{digest}")).await;
    assert!(text(&answer.body).contains("it was not scanned yet"), "{}", answer.body);
}

#[tokio::test]
async fn what_no_source_covers_is_told_as_unknown() {
    let shelf = Shelf::new().await;
    let digest = shelf.push("a/b", Some("1"), "x", "2026-11-25T08:00:00Z").await;
    let mut unknown = report(&digest, vec![], vec![]);
    unknown.uncovered = vec![("Red Hat:9".into(), 12)];
    shelf.report(&unknown).await;
    let catalog = shelf.catalog(vec![], Policy::default());
    for list in ["/", "/r/a/b"] {
        let list = text(&get(&catalog, list).await.body);
        assert!(list.contains("12 not looked up 0 0 0") && !list.contains("nothing found"), "{list}");
    }
    let answer = get(&catalog, &format!("/r/a/b/-/images/{digest}")).await;
    let text = text(&answer.body);
    assert!(text.contains("covers 12 packages of Red Hat:9. What is in them is unknown, not clean."), "{text}");
}

#[tokio::test]
async fn a_vulnerability_lists_every_image_that_has_it() {
    let (shelf, _) = busy_shelf().await;
    let catalog = shelf.catalog(telling(), policy());
    let body = get(&catalog, "/cve/CVE-2019-10906").await.body;
    let words = text(&body);
    for row in [
        "payments/api 2.4.1 high Jinja2 2.10 2.10.1",
        "payments/api 2.3.9 high Jinja2 2.10 2.10.1",
        "web/storefront main high Jinja2 2.10 2.10.1",
        "Also known as CVE-2019-10906, GHSA-462w-v97r-4m45",
        "allows a sandbox escape.",
    ] {
        assert!(words.contains(row), "{row}\n{words}");
    }
    assert!(!body.contains("javascript:"), "{body}");
    // By the record's own id it is the same page.
    assert!(text(&get(&catalog, "/cve/PYSEC-2019-217").await.body).contains("payments/api 2.4.1 high"));
}

#[tokio::test]
async fn a_report_is_shown_only_in_a_repository_that_has_the_image() {
    let (shelf, digest) = busy_shelf().await;
    let catalog = shelf.catalog(telling(), policy());
    for address in [format!("/r/tools/backup/-/images/{digest}"), format!("/r/tools/backup/-/images/{digest}/packages")]
    {
        assert_eq!(get(&catalog, &address).await.status, StatusCode::NOT_FOUND, "{address}");
    }
}

#[tokio::test]
async fn what_is_no_software_is_told_as_such() {
    let (shelf, digest) = busy_shelf().await;
    let signature = shelf.attach("payments/api", &digest, b"[]").await;
    let catalog = shelf.catalog(telling(), policy());
    let answer = get(&catalog, &format!("/r/payments/api/-/images/{signature}")).await;
    html::check(&answer.body);
    assert!(text(&answer.body).contains("No software image"), "{}", answer.body);
}
