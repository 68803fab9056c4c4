//! Registries that mean no good, or are broken: an error in words, never a hang, never more memory than asked for.

use std::io::Read as _;

use image::client::{Client, ClientError, Credentials, Settings};
use image::{Digest, Reference};

use super::fake::{Fake, Peer, Request};
use super::{impatient, reference, settings};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn ask(handler: impl Fn(&Request, &mut Peer) + Send + Sync + 'static) -> (Client, Reference, Fake) {
    ask_with(settings(), handler)
}

fn ask_with(
    settings: Settings,
    handler: impl Fn(&Request, &mut Peer) + Send + Sync + 'static,
) -> (Client, Reference, Fake) {
    let fake = Fake::start(handler);
    let place = reference(&fake.host(), "image", "v1");
    (Client::new(Credentials::none(), settings), place, fake)
}

#[test]
fn a_registry_that_stops_in_the_middle_is_told_with_how_much_came() {
    let (client, place, fake) = ask_with(impatient(), |request, peer| {
        match request.header("range") {
            None => {
                peer.head(200, &[], 1000);
                peer.raw(&[7; 600]);
            }
            // It takes the request for the rest and says nothing more.
            Some(_) => {
                peer.head(206, &[("Content-Range", "bytes 600-999/1000")], 400);
            }
        }
        peer.stall();
    });
    let mut reader = client.blob(&place, &Digest::sha256(b"x"), 1000).unwrap();
    let error = reader.read_to_end(&mut Vec::new()).unwrap_err().to_string();
    assert!(error.contains("600 of 1000 bytes came"), "{error}");
    assert!(error.contains(&fake.host()) && error.contains("sha256:"), "{error}");
    assert_eq!(fake.requests().iter().filter(|request| request.header("range").is_some()).count(), 1);
}

#[test]
fn a_manifest_that_stops_in_the_middle_is_told_with_how_much_came() {
    let (client, place, _fake) = ask_with(impatient(), |_, peer| {
        peer.head(200, &[], 500);
        peer.raw(&[b' '; 123]);
        peer.stall();
    });
    let error = client.resolve(&place).unwrap_err();
    assert!(matches!(&error, ClientError::Interrupted { received: 123, expected: Some(500), .. }), "{error}");
}

#[test]
fn a_registry_that_never_answers_is_given_up() {
    let (client, place, _fake) = ask_with(impatient(), |_, peer| peer.stall());
    let error = client.resolve(&place).unwrap_err();
    assert!(matches!(&error, ClientError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("2 tries"), "{error}");
}

#[test]
fn nobody_there_is_said_at_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    let error = Client::new(Credentials::none(), settings()).resolve(&reference(&host, "image", "v1")).unwrap_err();
    assert!(error.to_string().contains("connection refused"), "{error}");
}

#[test]
fn bytes_with_another_digest_are_refused() {
    let wanted = Digest::sha256(b"wanted");
    let (client, place, _fake) = ask(|_, peer| peer.answer(200, &[("Content-Type", MANIFEST)], b"other"));
    let error = client.manifest(&place, &wanted).unwrap_err();
    assert!(matches!(error, ClientError::Digest(_)), "{error}");
    let error = client.small_blob(&place, &wanted, 100).unwrap_err();
    assert!(matches!(error, ClientError::Digest(_)), "{error}");
}

#[test]
fn a_tag_whose_bytes_are_not_what_the_registry_says_is_refused() {
    let (client, place, _fake) = ask(|_, peer| {
        let said = Digest::sha256(b"what was pushed").to_string();
        peer.answer(200, &[("Content-Type", MANIFEST), ("Docker-Content-Digest", &said)], b"what came");
    });
    let error = client.resolve(&place).unwrap_err();
    assert!(matches!(error, ClientError::Digest(_)), "{error}");
}

#[test]
fn an_endless_body_is_cut_at_the_bound() {
    let (client, place, _fake) = ask(|_, peer| {
        peer.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        let chunk = [b"10000\r\n".as_slice(), &vec![b' '; 0x10000], b"\r\n"].concat();
        while peer.raw(&chunk) {}
    });
    let error = client.resolve(&place).unwrap_err();
    assert!(matches!(&error, ClientError::TooLarge { .. }), "{error}");
    let error = client.small_blob(&place, &Digest::sha256(b"x"), 1000).unwrap_err();
    assert!(matches!(&error, ClientError::TooLarge { limit: 1000, .. }), "{error}");
    // A blob is read as far as its descriptor says and no further.
    let mut bytes = Vec::new();
    client.blob(&place, &Digest::sha256(b"x"), 5000).unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len(), 5000);
}

#[test]
fn a_promise_of_terabytes_takes_no_memory() {
    let (client, place, _fake) = ask(|_, peer| peer.head(200, &[], 1 << 50));
    let error = client.resolve(&place).unwrap_err();
    assert!(matches!(&error, ClientError::TooLarge { .. }), "{error}");
}

#[test]
fn a_blob_of_another_length_than_its_descriptor_says_is_refused() {
    let (client, place, _fake) = ask(|_, peer| peer.answer(200, &[], b"four"));
    let error = client.blob(&place, &Digest::sha256(b"four"), 5).unwrap_err().to_string();
    assert!(error.contains("4 bytes, but 5 were promised"), "{error}");
}

#[test]
fn another_part_of_a_blob_than_the_one_asked_for_is_refused() {
    let (client, place, _fake) = ask(|request, peer| match request.header("range") {
        None => {
            peer.head(200, &[], 100);
            peer.raw(&[7; 60]);
        }
        Some(_) => peer.answer(206, &[("Content-Range", "bytes 0-39/100")], &[7; 40]),
    });
    let error = client.blob(&place, &Digest::sha256(b"x"), 100).unwrap().read_to_end(&mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("another part"), "{error}");
}

#[test]
fn a_registry_that_breaks_off_after_every_byte_is_given_up_in_the_end() {
    let (client, place, fake) = ask(|request, peer| {
        let start = request
            .header("range")
            .map_or(0, |range| range.trim_start_matches("bytes=").trim_end_matches('-').parse::<u64>().unwrap());
        let range = format!("bytes {start}-999999/1000000");
        let status = if start == 0 { 200 } else { 206 };
        peer.head(status, &[("Content-Range", &range)], 1_000_000 - start);
        peer.raw(b"x");
    });
    let error =
        client.blob(&place, &Digest::sha256(b"x"), 1_000_000).unwrap().read_to_end(&mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("of 1000000 bytes came"), "{error}");
    assert!(fake.requests().len() < 100);
}

#[test]
fn redirects_in_a_circle_end() {
    let (client, place, fake) = ask(|request, peer| peer.answer(307, &[("Location", &request.target)], b""));
    let error = client.resolve(&place).unwrap_err();
    assert!(error.to_string().contains("redirects more than 5 times"), "{error}");
    assert!(fake.requests().len() <= 7);
}

#[test]
fn a_redirect_to_what_is_no_web_address_is_not_followed() {
    for location in ["file:///etc/passwd", "http://", "gopher://127.0.0.1/", ""] {
        let (client, place, _fake) = ask(move |_, peer| peer.answer(302, &[("Location", location)], b""));
        client.resolve(&place).expect_err(location);
    }
}

#[test]
fn garbage_instead_of_http_is_told() {
    for garbage in ["\0\0\0\0garbage\r\n\r\n", "HTTP/1.1 abc\r\n\r\n", "SSH-2.0-OpenSSH_9.9\r\n"] {
        let (client, place, _fake) = ask(move |_, peer| {
            peer.raw(garbage.as_bytes());
        });
        let error = client.resolve(&place).unwrap_err();
        assert!(matches!(&error, ClientError::Unreachable { .. }), "{error}");
    }
}

#[test]
fn an_endless_header_is_given_up() {
    let (client, place, _fake) = ask(|_, peer| {
        peer.raw(b"HTTP/1.1 200 OK\r\n");
        while peer.raw(&[b'x'; 4096]) {}
    });
    client.resolve(&place).expect_err("its header has no end");
}

#[test]
fn what_a_registry_says_of_itself_cannot_touch_the_terminal() {
    let (client, place, _fake) = ask(|_, peer| {
        peer.answer(403, &[], "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"\\u001b]0;owned\\u0007\"}]}".as_bytes());
    });
    let error = client.resolve(&place).unwrap_err();
    assert!(matches!(&error, ClientError::Denied { .. }), "{error}");
    assert!(!error.to_string().contains('\u{1b}'), "{error}");
}

#[test]
fn the_codes_of_registries_become_words() {
    for (status, code, word) in [
        (404, "MANIFEST_UNKNOWN", "has none"),
        (403, "DENIED", "does not allow it"),
        (401, "UNAUTHORIZED", "docker login"),
        (429, "TOOMANYREQUESTS", "try again in 3600 s"),
        (500, "UNKNOWN", "answered 500"),
    ] {
        let (client, place, _fake) = ask(move |_, peer| {
            let body = format!(r#"{{"errors":[{{"code":"{code}","message":"it said"}}]}}"#);
            peer.answer(status, &[("Retry-After", "3600")], body.as_bytes());
        });
        let error = client.resolve(&place).unwrap_err().to_string();
        assert!(error.contains(code) && error.contains("it said") && error.contains(word), "{error}");
    }
}

#[test]
fn a_repository_name_cannot_leave_its_place_in_the_address() {
    let (client, mut place, fake) = ask(|_, peer| peer.answer(404, &[], b""));
    place.repository = "../../admin?x=#y".into();
    client.resolve(&place).unwrap_err();
    assert_eq!(fake.requests()[0].target, "/v2/admin%3Fx=%23y/manifests/v1");
}
