//! Layers are catalogued while they arrive, and a push never fails for it.

use std::io::Write as _;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ::image::Digest;
use registry::Settings;

use crate::fake::Mood;
use crate::http::{answer, connect, request};
use crate::image::{MANIFEST, TestImage, layer, noise, push_blob, put_manifest};
use crate::server::Server;

#[test]
fn a_layer_is_read_while_it_arrives() {
    let server = Server::start();
    let bytes = crate::image::tar("file", &noise(2_000_000));
    let (first, rest) = bytes.split_at(1_000_000);
    let location = request(server.address, "POST", "/v2/app/blobs/uploads/", &[], b"").header("location").to_owned();
    let mut connection = connect(server.address);
    write!(
        connection,
        "PUT {location}?digest={} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        Digest::sha256(&bytes),
        server.address,
        bytes.len()
    )
    .unwrap();
    connection.write_all(first).unwrap();
    // The rest has not been sent.
    server.eventually("the member is seen", |server| server.fake.members.load(Ordering::SeqCst) >= 1);
    connection.write_all(rest).unwrap();
    assert_eq!(answer(connection).status, 201);
    server.eventually("its record is kept", |server| {
        server.wait(server.store.diff_id(&Digest::sha256(&bytes))).unwrap().is_some()
    });
    assert_eq!(server.fake.walked.load(Ordering::SeqCst), 1);
}

#[test]
fn findings_come_with_the_answer_to_the_manifest() {
    let server = Server::start();
    let pushed = TestImage::new("amd64").push(server.address, "app", "v1");
    assert_eq!((pushed.status, pushed.header("plimsoll-findings")), (201, "critical=1, high=2"));
    // Two layers, each read once; the config is no layer.
    assert_eq!(server.fake.walked.load(Ordering::SeqCst), 2);
}

#[test]
fn documents_are_not_catalogued() {
    let server = Server::start();
    push_blob(server.address, "app", br#"{"a":"document"}"#);
    push_blob(server.address, "app", b"");
    push_blob(server.address, "app", &noise(5000));
    assert_eq!(server.fake.walked.load(Ordering::SeqCst), 0);
    assert_eq!(server.fake.members.load(Ordering::SeqCst), 0);
}

#[test]
fn a_killed_worker_costs_nothing_for_the_layer_is_read_again_from_the_store() {
    for mood in [Mood::Panicking, Mood::Failing] {
        let server = Server::start();
        server.fake.be(mood, 2);
        let pushed = TestImage::new("amd64").push(server.address, "app", "v1");
        assert_eq!((pushed.status, pushed.header("plimsoll-findings")), (201, "critical=1, high=2"));
    }
}

#[test]
fn a_cataloguer_that_always_fails_leaves_the_image_pending_with_the_reason() {
    for mood in [Mood::Panicking, Mood::Failing] {
        let server = Server::start();
        server.fake.be(mood, usize::MAX);
        let image = TestImage::new("amd64");
        let pushed = image.push(server.address, "app", "v1");
        assert_eq!((pushed.status, pushed.header("plimsoll-findings")), (201, "pending"));
        let reason = server.wait(server.store.pending(&image.digest())).unwrap().unwrap().reason;
        assert!(reason.contains(Digest::sha256(&image.layers[0]).as_str()), "{reason}");
    }
}

#[test]
fn a_layer_that_is_broken_is_stored_and_leaves_its_image_pending() {
    let server = Server::start();
    let mut broken = layer("file", &noise(100_000));
    broken.truncate(50_000);
    let image = TestImage::of(b"{}".to_vec(), vec![broken]);
    let pushed = image.push(server.address, "app", "v1");
    assert_eq!((pushed.status, pushed.header("plimsoll-findings")), (201, "pending"));
    assert!(server.wait(server.store.pending(&image.digest())).unwrap().is_some());
}

#[test]
fn a_manifest_waits_no_longer_than_it_may_and_its_report_comes_later() {
    let server = Server::with(Settings { manifest_wait: Duration::from_millis(300), ..Settings::default() });
    server.fake.hold(true);
    let image = TestImage::new("amd64");
    let pushed = image.push(server.address, "app", "v1");
    assert_eq!((pushed.status, pushed.header("plimsoll-findings")), (201, "pending"));
    let reason = server.wait(server.store.pending(&image.digest())).unwrap().unwrap().reason;
    assert!(reason.contains("still being catalogued"), "{reason}");
    server.fake.hold(false);
    server
        .eventually("the report comes", |server| server.wait(server.store.report(&image.digest())).unwrap().is_some());
    assert_eq!(server.wait(server.store.pending(&image.digest())).unwrap(), None);
}

#[test]
fn blobs_are_acknowledged_while_cataloguers_are_busy_and_more_layers_come_than_they_take_at_once() {
    let settings = Settings { live_cataloguing: 1, stored_cataloguing: 1, ..Settings::default() };
    let server = Server::with(settings);
    server.fake.hold(true);
    let layers: Vec<_> = (0..5).map(|number| layer("file", format!("{number}").as_bytes())).collect();
    let image = TestImage::of(b"{}".to_vec(), layers);
    for blob in image.blobs() {
        assert_eq!(push_blob(server.address, "app", blob).status, 201);
    }
    server.fake.hold(false);
    let pushed = put_manifest(server.address, "app", "v1", MANIFEST, &image.manifest);
    assert_eq!((pushed.status, pushed.header("plimsoll-findings")), (201, "critical=1, high=2"));
}

#[test]
fn without_an_advisory_index_the_image_is_pending_and_the_reason_says_how_to_get_one() {
    let server = Server::start();
    server.fake.set_index(None);
    let image = TestImage::new("amd64");
    assert_eq!(image.push(server.address, "app", "v1").header("plimsoll-findings"), "pending");
    let reason = server.wait(server.store.pending(&image.digest())).unwrap().unwrap().reason;
    assert!(reason.contains("plimsoll db update"), "{reason}");
}

#[test]
fn a_record_that_cannot_be_kept_does_not_fail_the_push() {
    let server = Server::start();
    server.fake.disk_full.store(true, Ordering::SeqCst);
    let pushed = TestImage::new("amd64").push(server.address, "app", "v1");
    assert_eq!((pushed.status, pushed.header("plimsoll-findings")), (201, "pending"));
}
