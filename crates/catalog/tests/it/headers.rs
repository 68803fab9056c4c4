//! Headers that keep a page from being more than text, and let browsers ask whether it changed.

use access::Caller;
use axum::http::StatusCode;

use super::browse::{ask, get};
use super::material::{busy_shelf, policy, telling};

const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

#[tokio::test]
async fn every_answer_forbids_scripts_frames_and_guessing() {
    let (shelf, _) = busy_shelf().await;
    let catalog = shelf.catalog(telling(), policy());
    let sheet = stylesheet(&get(&catalog, "/").await.body);
    for address in
        ["/", "/r/payments/api", "/r/none", "/cve/CVE-1", "/find?q=", "/api/v1/repositories", "/static/x", &sheet]
    {
        let answer = get(&catalog, address).await;
        assert_eq!(answer.header("content-security-policy"), POLICY, "{address}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{address}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{address}");
    }
}

#[tokio::test]
async fn the_stylesheet_is_kept_for_good_under_a_name_of_its_content() {
    let (shelf, _) = busy_shelf().await;
    let catalog = shelf.catalog(telling(), policy());
    let address = stylesheet(&get(&catalog, "/").await.body);
    let answer = get(&catalog, &address).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "text/css; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
    let hash = image::Digest::sha256(answer.body.as_bytes());
    assert!(address.contains(&hash.hex()[..16]), "{address}");
    assert_eq!(get(&catalog, "/static/plimsoll-0000000000000000.css").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_page_that_did_not_change_is_not_sent_again() {
    let (shelf, digest) = busy_shelf().await;
    let catalog = shelf.catalog(telling(), policy());
    let again = async |address: &str, tag: &str| {
        ask(&catalog, address, Some(Caller::Loopback), &[("if-none-match", tag)]).await
    };
    for address in ["/", "/api/v1/repositories", "/r/payments/api", &format!("/r/payments/api/-/images/{digest}")] {
        let first = get(&catalog, address).await;
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
        assert_eq!(first.header("cache-control"), "private, no-cache");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".into()] {
            let second = again(address, &known).await;
            assert_eq!((second.status, second.body.len()), (StatusCode::NOT_MODIFIED, 0), "{address} {known}");
            assert_eq!(second.header("etag"), tag);
        }
        assert_eq!(again(address, "\"other\"").await.status, StatusCode::OK);
    }
    let before = get(&catalog, "/").await.header("etag").to_owned();
    shelf.push("a/new", Some("1"), "new", "2026-11-25T09:00:00Z").await;
    assert_eq!(again("/", &before).await.status, StatusCode::OK);
    assert_eq!(get(&catalog, "/r/none").await.header("etag"), "", "an error is not kept");
}

#[tokio::test]
async fn nothing_is_changed_by_a_request() {
    let (shelf, _) = busy_shelf().await;
    let router = catalog::router(shelf.catalog(telling(), policy()));
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        for address in ["/", "/r/payments/api", "/cve/CVE-1", "/api/v1/repositories"] {
            let request = axum::http::Request::builder().method(method).uri(address).extension(Caller::Loopback);
            let request = request.body(axum::body::Body::empty()).unwrap();
            let response = tower::ServiceExt::oneshot(router.clone(), request).await.unwrap();
            assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method} {address}");
        }
    }
}

fn stylesheet(page: &str) -> String {
    let (_, rest) = page.split_once("<link rel=\"stylesheet\" href=\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}
