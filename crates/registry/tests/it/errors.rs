//! Every error is one of the specification's, with a reason.

use ::image::Digest;

use crate::http::{cut, get, request};
use crate::server::Server;

#[test]
fn each_path_that_leads_nowhere_has_its_code() {
    let server = Server::start();
    let digest = Digest::sha256(b"nothing");
    let cases = [
        ("GET", "/v2/app/tags/list".to_owned(), 404, "NAME_UNKNOWN"),
        ("GET", "/v2/app/manifests/v1".into(), 404, "MANIFEST_UNKNOWN"),
        ("GET", format!("/v2/app/manifests/{digest}"), 404, "MANIFEST_UNKNOWN"),
        ("GET", format!("/v2/app/blobs/{digest}"), 404, "BLOB_UNKNOWN"),
        ("GET", "/v2/app/blobs/sha256:abc".into(), 400, "DIGEST_INVALID"),
        ("GET", format!("/v2/app/blobs/{}", digest.as_str().replace("sha256", "md5")), 400, "DIGEST_INVALID"),
        ("GET", "/v2/app/manifests/.tag".into(), 400, "MANIFEST_INVALID"),
        ("GET", "/v2/APP/tags/list".into(), 400, "NAME_INVALID"),
        ("GET", "/v2/a..b/tags/list".into(), 400, "NAME_INVALID"),
        ("GET", "/v2/app/tags/list?n=x".into(), 400, "PAGINATION_NUMBER_INVALID"),
        ("GET", "/v2/app/tags/list?n=-1".into(), 400, "PAGINATION_NUMBER_INVALID"),
        ("GET", "/v2/nowhere".into(), 404, "NAME_UNKNOWN"),
        ("GET", "/v2/app/blobs/uploads/00000000000000000000000000000000".into(), 404, "BLOB_UPLOAD_UNKNOWN"),
        ("GET", "/v2/app/blobs/uploads/nonsense".into(), 404, "BLOB_UPLOAD_UNKNOWN"),
        ("PUT", "/v2/app/blobs/uploads/00000000000000000000000000000000".into(), 400, "DIGEST_INVALID"),
        ("POST", "/v2/app/blobs/uploads/?digest=sha256:x".into(), 400, "DIGEST_INVALID"),
        ("POST", "/v2/".into(), 405, "UNSUPPORTED"),
        ("DELETE", "/v2/app/tags/list".into(), 405, "UNSUPPORTED"),
        ("PUT", format!("/v2/app/blobs/{digest}"), 405, "UNSUPPORTED"),
        ("TRACE", "/v2/_catalog".into(), 405, "UNSUPPORTED"),
    ];
    for (method, path, status, code) in cases {
        let answer = request(server.address, method, &path, &[], b"");
        assert_eq!(answer.error(), (status, code.to_owned()), "{method} {path}");
        assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0");
        assert_eq!(answer.header("content-type"), "application/json");
    }
}

#[test]
fn the_base_says_that_it_is_a_registry() {
    let server = Server::start();
    let answer = get(server.address, "/v2/");
    assert_eq!((answer.status, answer.text().as_str()), (200, "{}"));
    assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0");
}

#[test]
fn tricks_in_paths_reach_no_file() {
    let server = Server::start();
    for path in [
        "/v2/../../../etc/passwd",
        "/v2/a/blobs/../../../plimsoll.db",
        "/v2/a/blobs/sha256:../../../plimsoll.db",
        "/v2/a/blobs/sha256%3A%2e%2e%2f%2e%2e%2fplimsoll.db",
        "/v2/%2e%2e%2f/manifests/x",
        "/v2//manifests/x",
        "/v2/a/manifests/%00",
        "/v2/a%00/manifests/x",
        "/v2/a/blobs/uploads/..%2f..%2fplimsoll.db",
    ] {
        let answer = get(server.address, path);
        assert!(matches!(answer.error().0, 400 | 404), "{path}: {answer:?}");
    }
}

#[test]
fn what_is_no_http_is_refused_and_the_server_lives() {
    let server = Server::start();
    let long = format!("GET /v2/ HTTP/1.1\r\nHost: {}\r\nX: {}\r\n\r\n", server.address, "x".repeat(100_000));
    let many = format!("GET /v2/ HTTP/1.1\r\nHost: {}\r\n{}\r\n", server.address, "a: b\r\n".repeat(1000));
    let twice =
        format!("POST /v2/ HTTP/1.1\r\nHost: {}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", server.address);
    for bytes in ["\u{0}\u{1}\u{2}", "GET\r\n\r\n", "\u{16}\u{3}\u{1}TLS?", &long, &many, &twice] {
        if let Some(answer) = cut(server.address, bytes.as_bytes()) {
            assert!((400..500).contains(&answer.status), "{bytes:.40}: {answer:?}");
        }
    }
    assert_eq!(get(server.address, "/v2/").status, 200);
}
