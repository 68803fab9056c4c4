//! Lists and their pages.

use serde_json::json;

use crate::http::get;
use crate::image::{MANIFEST, TestImage, put_manifest};
use crate::server::Server;

#[test]
fn tags_are_listed_by_bytes_and_by_page() {
    let server = Server::start();
    let image = TestImage::new("amd64");
    image.push(server.address, "app", "b");
    for tag in ["a", "c", "B", "_"] {
        put_manifest(server.address, "app", tag, MANIFEST, &image.manifest);
    }
    let all = get(server.address, "/v2/app/tags/list");
    assert_eq!(all.json(), json!({ "name": "app", "tags": ["B", "_", "a", "b", "c"] }));
    assert_eq!(all.header("link"), "");
    let first = get(server.address, "/v2/app/tags/list?n=2");
    assert_eq!(first.json()["tags"], json!(["B", "_"]));
    assert_eq!(first.header("link"), r#"</v2/app/tags/list?n=2&last=%5F>; rel="next""#);
    let next = get(server.address, "/v2/app/tags/list?n=2&last=%5F");
    assert_eq!(next.json()["tags"], json!(["a", "b"]));
    let last = get(server.address, "/v2/app/tags/list?n=2&last=b");
    assert_eq!((last.json()["tags"].clone(), last.header("link")), (json!(["c"]), ""));
    assert_eq!(get(server.address, "/v2/app/tags/list?n=0").json()["tags"], json!([]));
    assert_eq!(get(server.address, "/v2/app/tags/list?last=zz").json()["tags"], json!([]));
    assert_eq!(get(server.address, "/v2/app/tags/list?n=99999999999999").json()["tags"].as_array().unwrap().len(), 5);
}

#[test]
fn repositories_are_listed_by_page() {
    let server = Server::start();
    assert_eq!(get(server.address, "/v2/_catalog").json(), json!({ "repositories": [] }));
    for repository in ["b/c", "a", "b"] {
        TestImage::new("amd64").push(server.address, repository, "v1");
    }
    assert_eq!(get(server.address, "/v2/_catalog").json(), json!({ "repositories": ["a", "b", "b/c"] }));
    let first = get(server.address, "/v2/_catalog?n=1");
    assert_eq!((first.json()["repositories"].clone(), first.header("link").is_empty()), (json!(["a"]), false));
    assert_eq!(get(server.address, "/v2/_catalog?n=1&last=b").json()["repositories"], json!(["b/c"]));
}
