//! The ways of uploading a blob, and the ways in which they go wrong.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use ::image::Digest;
use registry::Settings;

use crate::http::{Answer, chunked, connect, cut, get, raw, request};
use crate::image::{noise, push_blob};
use crate::server::Server;

fn start(server: SocketAddr) -> String {
    let answer = request(server, "POST", "/v2/app/blobs/uploads/", &[], b"");
    assert_eq!((answer.status, answer.header("range")), (202, "0-0"), "{answer:?}");
    assert!(answer.header("location").ends_with(answer.header("docker-upload-uuid")));
    answer.header("location").to_owned()
}

fn patch(server: SocketAddr, location: &str, range: &str, bytes: &[u8]) -> Answer {
    let headers = [("Content-Range", range), ("Content-Type", "application/octet-stream")];
    request(server, "PATCH", location, &headers, bytes)
}

fn finish(server: SocketAddr, location: &str, digest: &Digest, bytes: &[u8]) -> Answer {
    request(server, "PUT", &format!("{location}?digest={digest}"), &[], bytes)
}

fn blob(server: SocketAddr, digest: &Digest) -> Answer {
    get(server, &format!("/v2/app/blobs/{digest}"))
}

#[test]
fn a_blob_in_one_request_is_stored() {
    let server = Server::start();
    let bytes = noise(3_000_000);
    let digest = Digest::sha256(&bytes);
    let answer = push_blob(server.address, "app", &bytes);
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("location"), format!("/v2/app/blobs/{digest}"));
    assert_eq!(answer.header("docker-content-digest"), digest.as_str());
    let fetched = blob(server.address, &digest);
    assert_eq!((fetched.status, fetched.header("content-length")), (200, "3000000"));
    assert!(fetched.body == bytes);
    assert_eq!(server.uploads(), 0);
}

#[test]
fn a_blob_by_post_and_put_is_stored() {
    let server = Server::start();
    let digest = Digest::sha256(b"bytes");
    let location = start(server.address);
    assert_eq!(finish(server.address, &location, &digest, b"bytes").status, 201);
    assert_eq!(blob(server.address, &digest).body, b"bytes");
    // The upload is no more.
    assert_eq!(get(server.address, &location).error(), (404, "BLOB_UPLOAD_UNKNOWN".into()));
}

#[test]
fn an_empty_blob_is_a_blob() {
    let server = Server::start();
    let digest = Digest::sha256(b"");
    let location = start(server.address);
    assert_eq!(finish(server.address, &location, &digest, b"").status, 201);
    let fetched = blob(server.address, &digest);
    assert_eq!((fetched.status, fetched.body.len()), (200, 0));
}

#[test]
fn a_blob_in_chunks_is_stored_and_its_progress_can_be_asked() {
    let server = Server::start();
    let digest = Digest::sha256(b"0123456789");
    let location = start(server.address);
    let answer = patch(server.address, &location, "0-3", b"0123");
    assert_eq!((answer.status, answer.header("range")), (202, "0-3"));
    let answer = patch(server.address, answer.header("location"), "4-7", b"4567");
    assert_eq!((answer.status, answer.header("range")), (202, "0-7"));
    let answer = get(server.address, &location);
    assert_eq!((answer.status, answer.header("range")), (204, "0-7"));
    let put = format!("{location}?digest={digest}");
    let answer = request(server.address, "PUT", &put, &[("Content-Range", "8-9")], b"89");
    assert_eq!(answer.status, 201);
    assert_eq!(blob(server.address, &digest).body, b"0123456789");
}

#[test]
fn a_stream_of_unknown_length_is_stored() {
    let server = Server::start();
    let bytes = noise(700_000);
    let location = start(server.address);
    let chunks: Vec<&[u8]> = bytes.chunks(99_999).collect();
    let answer = chunked(server.address, "PATCH", &location, &chunks);
    assert_eq!((answer.status, answer.header("range")), (202, "0-699999"));
    assert_eq!(finish(server.address, &location, &Digest::sha256(&bytes), b"").status, 201);
    assert!(blob(server.address, &Digest::sha256(&bytes)).body == bytes);
}

#[test]
fn a_blob_by_its_sha512_is_stored_and_its_layer_known() {
    let server = Server::start();
    let bytes = crate::image::layer("file", b"content");
    let mut digester = ::image::digest::Digester::new(::image::digest::Algorithm::Sha512);
    digester.update(&bytes);
    let digest = digester.finish();
    let location = start(server.address);
    assert_eq!(finish(server.address, &location, &digest, &bytes).status, 201);
    assert!(blob(server.address, &digest).body == bytes);
    server.eventually("the layer is known by its SHA-512", |server| {
        server.wait(server.store.diff_id(&digest)).unwrap().is_some()
    });
}

#[test]
fn chunks_with_gaps_overlaps_and_wrong_lengths_are_refused_and_the_upload_goes_on() {
    let server = Server::start();
    let location = start(server.address);
    assert_eq!(patch(server.address, &location, "0-3", b"0123").status, 202);
    for range in ["5-6", "0-3", "3-4", "9-1", "x-y", "4", "4-18446744073709551615"] {
        let answer = patch(server.address, &location, range, b"45");
        assert!(matches!(answer.error().0, 400 | 416), "{range}: {answer:?}");
        assert_eq!(answer.header("range"), "0-3", "{range}");
    }
    // One that says more than it sends, one that says less.
    assert_eq!(patch(server.address, &location, "4-9", b"45").error(), (400, "SIZE_INVALID".into()));
    assert_eq!(patch(server.address, &location, "4-4", b"45").error(), (400, "SIZE_INVALID".into()));
    let answer = patch(server.address, &location, "4-5", b"45");
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(finish(server.address, &location, &Digest::sha256(b"012345"), b"").status, 201);
}

#[test]
fn a_chunk_that_is_longer_than_its_range_is_cut_there() {
    let server = Server::start();
    let location = start(server.address);
    let bytes = format!(
        "PATCH {location} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Range: 0-1\r\nTransfer-Encoding: \
         chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
        server.address
    );
    assert_eq!(raw(server.address, bytes.as_bytes()).error(), (400, "SIZE_INVALID".into()));
    assert_eq!(get(server.address, &location).header("range"), "0-1");
}

#[test]
fn bytes_that_do_not_match_their_digest_are_never_visible() {
    let server = Server::start();
    let promised = Digest::sha256(b"promised");
    let location = start(server.address);
    assert_eq!(finish(server.address, &location, &promised, b"other").error(), (400, "DIGEST_INVALID".into()));
    let path = format!("/v2/app/blobs/uploads/?digest={promised}");
    assert_eq!(request(server.address, "POST", &path, &[], b"other").error(), (400, "DIGEST_INVALID".into()));
    for digest in [promised, Digest::sha256(b"other")] {
        assert_eq!(blob(server.address, &digest).error(), (404, "BLOB_UNKNOWN".into()));
    }
    assert_eq!(server.uploads(), 0);
}

#[test]
fn a_blob_whose_sender_is_gone_in_the_middle_leaves_nothing() {
    let server = Server::start();
    let digest = Digest::sha256(b"whole");
    let head = format!(
        "POST /v2/app/blobs/uploads/?digest={digest} HTTP/1.1\r\nHost: {}\r\nContent-Length: 5\r\n\r\nwho",
        server.address
    );
    let mut connection = connect(server.address);
    connection.write_all(head.as_bytes()).unwrap();
    server.eventually("the upload begins", |server| server.uploads() == 1);
    drop(connection);
    server.eventually("nothing is left", |server| server.uploads() == 0);
    assert_eq!(blob(server.address, &digest).status, 404);
}

#[test]
fn a_chunked_body_that_is_cut_or_malformed_commits_nothing() {
    let server = Server::start();
    let whole = Digest::sha256(b"abcd");
    for body in ["4\r\nabcd\r\n", "4\r\nabcd\r\nXYZ\r\n", "5\r\nabcd", "-1\r\n", "ffffffffffffffffff\r\nabcd"] {
        let location = start(server.address);
        let head = format!(
            "PUT {location}?digest={whole} HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n{body}",
            server.address
        );
        if let Some(answer) = cut(server.address, head.as_bytes()) {
            assert!(answer.status >= 400, "{body:?}: {answer:?}");
        }
        assert_eq!(blob(server.address, &whole).status, 404, "{body:?}");
    }
}

#[test]
fn an_upload_that_was_cut_can_be_gone_on_with() {
    let server = Server::start();
    let location = start(server.address);
    let head =
        format!("PATCH {location} HTTP/1.1\r\nHost: {}\r\nContent-Length: 100\r\n\r\n0123456789", server.address);
    let mut connection = connect(server.address);
    connection.write_all(head.as_bytes()).unwrap();
    // Cut before that, the request may end before its body was looked at.
    server.eventually("what came is written", |server| server.upload_bytes() == 10);
    drop(connection);
    server.eventually("what came is kept", |server| get(server.address, &location).header("range") == "0-9");
    assert_eq!(finish(server.address, &location, &Digest::sha256(b"0123456789ab"), b"ab").status, 201);
}

/// On a server of its own: how long a busy machine takes to notice a cut is not known.
#[test]
fn an_upload_that_has_lain_too_long_is_gone() {
    let server = Server::with(Settings { upload_idle: Duration::from_secs(1), ..Settings::default() });
    let left = start(server.address);
    // Whoever asks for it keeps it, so nobody does.
    server.eventually("what lay too long is gone", |server| server.uploads() == 0);
    assert_eq!(get(server.address, &left).error(), (404, "BLOB_UPLOAD_UNKNOWN".into()));
}

#[test]
fn one_request_writes_an_upload_at_a_time() {
    let server = Server::start();
    let location = start(server.address);
    let mut slow = connect(server.address);
    write!(slow, "PATCH {location} HTTP/1.1\r\nHost: {}\r\nContent-Length: 4\r\n\r\nab", server.address).unwrap();
    server.eventually("the first writes", |server| get(server.address, &location).status == 400);
    assert_eq!(patch(server.address, &location, "0-0", b"x").error(), (400, "BLOB_UPLOAD_INVALID".into()));
    slow.write_all(b"cd").unwrap();
    server.eventually("the first is done", |server| get(server.address, &location).header("range") == "0-3");
    assert_eq!(finish(server.address, &location, &Digest::sha256(b"abcd"), b"").status, 201);
}

#[test]
fn an_upload_that_is_given_up_leaves_nothing() {
    let server = Server::start();
    let location = start(server.address);
    assert_eq!(patch(server.address, &location, "0-3", b"0123").status, 202);
    assert_eq!(request(server.address, "DELETE", &location, &[], b"").status, 204);
    assert_eq!(server.uploads(), 0);
    assert_eq!(request(server.address, "DELETE", &location, &[], b"").error().0, 404);
    assert_eq!(finish(server.address, &location, &Digest::sha256(b"0123"), b"").error().0, 404);
}

#[test]
fn a_body_that_stands_still_is_ended() {
    let server = Server::with(Settings { body_idle: Duration::from_millis(300), ..Settings::default() });
    let mut slow = connect(server.address);
    let path = format!("/v2/app/blobs/uploads/?digest={}", Digest::sha256(b"abcd"));
    write!(
        slow,
        "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: 4\r\nConnection: close\r\n\r\nab",
        server.address
    )
    .unwrap();
    assert_eq!(crate::http::answer(slow).error(), (408, "BLOB_UPLOAD_INVALID".into()));
    assert_eq!(server.uploads(), 0);
}

#[test]
fn a_blob_is_mounted_from_a_repository_that_has_it_and_else_has_to_be_sent() {
    let server = Server::start();
    push_blob(server.address, "app", b"shared");
    let digest = Digest::sha256(b"shared");
    let mount = |from: &str, digest: &Digest| {
        let path = format!("/v2/other/blobs/uploads/?mount={digest}&from={from}");
        request(server.address, "POST", &path, &[], b"")
    };
    let unknown = mount("elsewhere", &digest);
    assert_eq!((unknown.status, unknown.header("docker-upload-uuid").len()), (202, 32));
    assert_eq!(get(server.address, &format!("/v2/other/blobs/{digest}")).status, 404);
    assert_eq!(mount("app", &Digest::sha256(b"nothing")).status, 202);
    let mounted = mount("app", &digest);
    assert_eq!((mounted.status, mounted.header("location")), (201, &*format!("/v2/other/blobs/{digest}")));
    assert_eq!(get(server.address, &format!("/v2/other/blobs/{digest}")).body, b"shared");
    assert_eq!(mount("../app", &digest).error(), (400, "NAME_INVALID".into()));
}

#[test]
fn a_blob_of_one_repository_is_not_served_in_another() {
    let server = Server::start();
    push_blob(server.address, "secret", b"mine");
    let digest = Digest::sha256(b"mine");
    assert_eq!(get(server.address, &format!("/v2/public/blobs/{digest}")).error(), (404, "BLOB_UNKNOWN".into()));
}

#[test]
fn too_many_uploads_are_refused_until_some_are_done() {
    let server = Server::with(Settings { most_uploads: 2, ..Settings::default() });
    let first = start(server.address);
    start(server.address);
    let refused = request(server.address, "POST", "/v2/app/blobs/uploads/", &[], b"");
    assert_eq!(refused.error(), (429, "TOOMANYREQUESTS".into()));
    request(server.address, "DELETE", &first, &[], b"");
    start(server.address);
}
