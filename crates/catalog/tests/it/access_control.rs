//! Every handler asks `access`.

use access::Caller;
use axum::http::StatusCode;

use super::browse::ask;
use super::html;
use super::material::{busy_shelf, policy, telling};

#[tokio::test]
async fn nobody_known_sees_nothing() {
    let (shelf, digest) = busy_shelf().await;
    let catalog = shelf.catalog(telling(), policy());
    for address in [
        "/".to_owned(),
        "/r/payments/api".to_owned(),
        "/r/payments/api/-/tags/2.4.1".to_owned(),
        format!("/r/payments/api/-/images/{digest}"),
        format!("/r/payments/api/-/images/{digest}/packages"),
        "/cve/CVE-2019-10906".to_owned(),
        "/api/v1/repositories".to_owned(),
    ] {
        // A server that forgot to say who asks is one that lets nobody in.
        for caller in [Some(Caller::Anonymous), None] {
            for form in ["text/html", "application/json"] {
                let answer = ask(&catalog, &address, caller.clone(), &[("accept", form)]).await;
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{address}");
                assert!(!answer.body.contains("Jinja2") && !answer.body.contains("2.10.1"), "{address}");
            }
        }
        let guest = ask(&catalog, &address, Some(Caller::Guest), &[]).await;
        assert!(guest.status.is_success() || guest.status.is_redirection(), "{address}");
    }
    let page = ask(&catalog, "/", None, &[]).await.body;
    html::check(&page);
    assert!(page.contains("--insecure-open"), "{page}");
}
