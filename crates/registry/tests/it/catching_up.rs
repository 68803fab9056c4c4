//! What is done apart from requests, and how a server ends.

use std::io::Write as _;
use std::time::Duration;

use ::image::Digest;
use registry::Settings;
use serde_json::json;

use crate::fake::Mood;
use crate::http::{answer, connect, get};
use crate::image::{CONFIG, MANIFEST, TestImage, descriptor, push_blob, put_manifest};
use crate::server::Server;

fn quick() -> Settings {
    Settings { index_poll: Duration::from_millis(50), ..Settings::default() }
}

#[test]
fn images_that_wait_get_their_report_when_the_server_starts_again() {
    let folder = tempfile::tempdir().unwrap();
    let image = TestImage::new("amd64");
    {
        let server = Server::on(folder.path(), quick(), |fake| fake.be(Mood::Failing, usize::MAX));
        assert_eq!(image.push(server.address, "app", "v1").header("plimsoll-findings"), "pending");
    }
    let server = Server::on(folder.path(), quick(), |_| {});
    server
        .eventually("the report comes", |server| server.wait(server.store.report(&image.digest())).unwrap().is_some());
    assert_eq!(server.wait(server.store.pending(&image.digest())).unwrap(), None);
}

#[test]
fn another_advisory_index_makes_reports_anew() {
    let server = Server::with(quick());
    let image = TestImage::new("amd64");
    image.push(server.address, "app", "v1");
    let index = |server: &Server| server.wait(server.store.report(&image.digest())).unwrap().map(|row| row.index_id);
    assert_eq!(index(&server).as_deref(), Some("index-1"));
    server.fake.set_index(Some("index-2"));
    server.eventually("the report is of the new index", |server| index(server).as_deref() == Some("index-2"));
}

#[test]
fn an_image_that_waited_for_an_index_gets_its_report_when_there_is_one() {
    let server = Server::with(quick());
    server.fake.set_index(None);
    let image = TestImage::new("amd64");
    assert_eq!(image.push(server.address, "app", "v1").header("plimsoll-findings"), "pending");
    server.fake.set_index(Some("index-9"));
    server
        .eventually("the report comes", |server| server.wait(server.store.report(&image.digest())).unwrap().is_some());
}

/// BuildKit's attestations and cosign's old signatures have an image's config, and nothing in them can be catalogued.
#[test]
fn what_has_an_images_config_but_no_image_layers_never_waits_for_a_report() {
    let server = Server::with(quick());
    let (config, statement) = (br#"{"architecture":"unknown","os":"unknown"}"#, br#"{"_type":"in-toto"}"#);
    for blob in [&config[..], statement] {
        push_blob(server.address, "app", blob);
    }
    let layer = descriptor("application/vnd.in-toto+json", statement);
    let manifest = json!({ "schemaVersion": 2, "config": descriptor(CONFIG, config), "layers": [layer] }).to_string();
    let pushed = put_manifest(server.address, "app", "v1", MANIFEST, manifest.as_bytes());
    assert_eq!((pushed.status, pushed.header("plimsoll-findings")), (201, ""));
    // Catching up goes through what has no report before what has an old one.
    let image = TestImage::new("amd64");
    image.push(server.address, "app", "v2");
    server.fake.set_index(Some("index-2"));
    server.eventually("the registry has caught up", |server| {
        server.wait(server.store.report(&image.digest())).unwrap().is_some_and(|report| report.index_id == "index-2")
    });
    assert_eq!(server.wait(server.store.pending(&Digest::sha256(manifest.as_bytes()))).unwrap(), None);
}

#[test]
fn a_running_upload_is_finished_when_the_server_is_told_to_end() {
    let mut server = Server::start();
    let address = server.address;
    let mut connection = connect(address);
    let digest = Digest::sha256(b"abcd");
    let path = format!("/v2/app/blobs/uploads/?digest={digest}");
    write!(connection, "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 4\r\n\r\nab").unwrap();
    server.eventually("the upload begins", |server| server.uploads() == 1);
    let rest = std::thread::spawn(move || {
        // No new connections are taken once the server ends.
        while std::net::TcpStream::connect(address).is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
        connection.write_all(b"cd").unwrap();
        answer(connection)
    });
    server.stop().unwrap();
    assert_eq!(rest.join().unwrap().status, 201);
    assert!(server.store.blobs().size(&digest).unwrap().is_some());
}

#[test]
fn what_was_acknowledged_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let image = TestImage::new("amd64");
    {
        let server = Server::on(folder.path(), quick(), |_| {});
        image.push(server.address, "app", "v1");
    }
    let server = Server::on(folder.path(), quick(), |_| {});
    assert_eq!(get(server.address, "/v2/app/manifests/v1").body, image.manifest);
    for blob in image.blobs() {
        assert_eq!(&get(server.address, &format!("/v2/app/blobs/{}", Digest::sha256(blob))).body, blob);
    }
}
