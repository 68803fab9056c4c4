//! The registry with the real scanner behind it.

use std::sync::Arc;

use ::image::Digest;
use inventory::worker::Launcher;
use scan::{Advisories, Scanner};
use serde_json::json;

use crate::image::{TestImage, gzip, tar};
use crate::server::Server;

const STATUS: &[u8] = b"Package: hello\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.10-3\n\n\
    Package: half\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n\n";

const RELEASE: &[u8] = b"ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n";

fn debian() -> TestImage {
    let tars = [tar("usr/lib/os-release", RELEASE), tar("var/lib/dpkg/status", STATUS)];
    let diff_ids: Vec<Digest> = tars.iter().map(|tar| Digest::sha256(tar)).collect();
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
    });
    TestImage::of(config.to_string().into_bytes(), tars.iter().map(|tar| gzip(tar)).collect())
}

#[test]
fn packages_of_a_pushed_image_are_known_when_its_push_returns() {
    let server = Server::scanning(|store, folder| {
        let launcher = Launcher::unsealed_in_this_process();
        Arc::new(Scanner::new(store, Advisories::in_folder(folder), launcher))
    });
    let image = debian();
    let pushed = image.push(server.address, "debian", "12");
    // No advisories are loaded: nothing was found, and that is no good news.
    assert_eq!((pushed.status, pushed.header("plimsoll-findings")), (201, "uncovered=1"), "{pushed:?}");
    let report = server.wait(server.store.report(&image.digest())).unwrap().unwrap();
    let report = findings::Report::from_bytes(&report.report).unwrap();
    assert_eq!((report.inventory.packages[0].package.name.as_str(), report.inventory.packages[0].layer), ("hello", 1));
}

#[test]
fn a_worker_that_cannot_be_started_costs_the_record_and_not_the_push() {
    let server = Server::scanning(|store, folder| {
        let launcher = Launcher::program("/bin/false", [""]);
        Arc::new(Scanner::new(store, Advisories::in_folder(folder), launcher))
    });
    let image = debian();
    let pushed = image.push(server.address, "debian", "12");
    assert_eq!((pushed.status, pushed.header("plimsoll-findings")), (201, "pending"), "{pushed:?}");
    let reason = server.wait(server.store.pending(&image.digest())).unwrap().unwrap().reason;
    assert!(reason.contains("worker"), "{reason}");
}
