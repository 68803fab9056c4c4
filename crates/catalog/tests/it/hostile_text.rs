//! Text from images and advisories stays text.

use axum::http::StatusCode;
use gate::Policy;

use super::browse::get;
use super::html;
use super::material::{HOSTILE, hostile_shelf, hostile_telling};

#[tokio::test]
async fn hostile_text_is_escaped_on_every_page() {
    let (shelf, digest) = hostile_shelf().await;
    let catalog = shelf.catalog(hostile_telling(), Policy::default());
    let quoted = "%22%27%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    for address in [
        "/".to_owned(),
        "/r/evil/app".to_owned(),
        format!("/r/evil/app/-/images/{digest}"),
        format!("/r/evil/app/-/images/{digest}/packages"),
        format!("/r/evil/app/-/images/{digest}/packages?name={quoted}"),
        format!("/r/evil/app/-/images/{digest}?severity={quoted}"),
        "/cve/EVIL-1".to_owned(),
        format!("/cve/{quoted}"),
        format!("/find?q={quoted}"),
        format!("/?after={quoted}"),
        format!("/r/{quoted}"),
    ] {
        let answer = get(&catalog, &address).await;
        assert_ne!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{address}");
        html::check(&answer.body);
        assert!(!answer.body.contains("<script"), "{address}");
        assert!(!answer.body.contains("<img src=x"), "{address}");
        assert!(!answer.body.contains("href=\"javascript"), "{address}");
        assert!(!answer.body.contains(['\u{1b}', '\u{202e}']), "{address} lets text turn around or move a cursor");
    }
}

#[tokio::test]
async fn hostile_text_comes_out_of_json_as_it_went_in() {
    let (shelf, digest) = hostile_shelf().await;
    let catalog = shelf.catalog(hostile_telling(), Policy::default());
    let answer = get(&catalog, &format!("/api/v1/repositories/evil/app/-/images/{digest}")).await;
    assert_eq!(answer.header("content-type"), "application/json");
    let json = answer.json();
    assert_eq!(json["report"]["findings"][0]["package"], HOSTILE);
    assert_eq!(json["report"]["findings"][0]["url"], serde_json::Value::Null);
}
