//! The JSON that docs/api.md describes.

use access::Caller;
use axum::http::StatusCode;

use super::browse::{ask, get};
use super::material::{busy_shelf, policy, telling};

#[tokio::test]
async fn the_json_keeps_its_shape() {
    let (shelf, digest) = busy_shelf().await;
    let catalog = shelf.catalog(telling(), policy());
    let image = format!("/api/v1/repositories/payments/api/-/images/{digest}");
    for (name, address) in [
        ("repositories", "/api/v1/repositories".to_owned()),
        ("repository", "/api/v1/repositories/web/storefront".to_owned()),
        ("image", format!("{image}?severity=high&layer=2")),
        ("packages", format!("{image}/packages?name=jinja")),
        ("vulnerability", "/api/v1/cve/CVE-2019-10906".to_owned()),
        ("missing", "/api/v1/repositories/none".to_owned()),
    ] {
        let answer = get(&catalog, &address).await;
        assert_eq!(answer.header("content-type"), "application/json");
        answer.json();
        insta::assert_snapshot!(name, answer.body);
    }
}

#[tokio::test]
async fn a_page_is_json_for_those_who_ask_for_it() {
    let (shelf, _) = busy_shelf().await;
    let catalog = shelf.catalog(telling(), policy());
    let api = get(&catalog, "/api/v1/repositories").await.body;
    let accept = async |value| ask(&catalog, "/", Some(Caller::Loopback), &[("accept", value)]).await;
    assert_eq!(accept("application/json").await.body, api);
    let browser = accept("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8").await;
    assert_eq!(browser.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(browser.header("vary"), "accept");
    assert_eq!(accept("*/*").await.header("content-type"), "text/html; charset=utf-8");
}

#[tokio::test]
async fn an_error_is_json_too() {
    let (shelf, _) = busy_shelf().await;
    let answer = get(&shelf.catalog(telling(), policy()), "/api/v1/cve/CVE-1").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.json()["error"], "not-found");
}
