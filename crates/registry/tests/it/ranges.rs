//! Parts of blobs.

use ::image::Digest;

use crate::http::request;
use crate::image::push_blob;
use crate::server::Server;

#[test]
fn a_part_of_a_blob_is_served() {
    let server = Server::start();
    push_blob(server.address, "app", b"0123456789");
    let path = format!("/v2/app/blobs/{}", Digest::sha256(b"0123456789"));
    let part = |range: &str| request(server.address, "GET", &path, &[("Range", range)], b"");
    let middle = part("bytes=2-4");
    assert_eq!((middle.status, middle.text().as_str()), (206, "234"));
    assert_eq!((middle.header("content-range"), middle.header("content-length")), ("bytes 2-4/10", "3"));
    assert_eq!(part("bytes=7-").text(), "789");
    assert_eq!(part("bytes=-2").text(), "89");
    assert_eq!(part("bytes=5-999").header("content-range"), "bytes 5-9/10");
    let beyond = part("bytes=10-");
    assert_eq!((beyond.status, beyond.header("content-range")), (416, "bytes */10"));
    assert_eq!((part("bytes=0-1,3-4").status, part("furlongs=0-1").status), (200, 200));
}

#[test]
fn a_client_that_has_the_blob_is_not_sent_it_again() {
    let server = Server::start();
    push_blob(server.address, "app", b"x");
    let path = format!("/v2/app/blobs/{}", Digest::sha256(b"x"));
    let first = request(server.address, "GET", &path, &[], b"");
    assert_eq!(first.header("x-content-type-options"), "nosniff");
    let again = request(server.address, "GET", &path, &[("If-None-Match", first.header("etag"))], b"");
    assert_eq!((again.status, again.body.len()), (304, 0));
}
