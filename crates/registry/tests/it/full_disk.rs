//! A full disk: the client is told, nothing is lost, and the server goes on.

use std::process::Command;

use ::image::Digest;
use registry::Settings;

use crate::http::{get, request};
use crate::image::{TestImage, noise, push_blob};
use crate::server::{Server, skipped};

struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = nix::unistd::geteuid().is_root()
            && Command::new("mount")
                .args(["-t", "tmpfs", "-o", "size=6m,mode=700", "plimsoll-test"])
                .arg(folder.path())
                .status()
                .is_ok_and(|status| status.success());
        if mounted {
            return Some(Self(folder));
        }
        skipped("only root may mount a small file system");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_refuses_the_upload_and_keeps_what_was_stored() {
    let Some(disk) = SmallDisk::mount() else { return };
    let server = Server::on(disk.0.path(), Settings::default(), |_| {});
    let image = TestImage::new("amd64");
    assert_eq!(image.push(server.address, "app", "v1").status, 201);
    let large = noise(20 << 20);
    let refused = push_blob(server.address, "app", &large);
    assert_eq!(refused.error(), (507, "UNKNOWN".into()));
    assert!(refused.text().contains("no space left"), "{}", refused.text());
    assert_eq!(server.uploads(), 0);
    assert_eq!(get(server.address, &format!("/v2/app/blobs/{}", Digest::sha256(&large))).status, 404);
    assert_eq!(get(server.address, "/v2/app/manifests/v1").body, image.manifest);
    assert_eq!(push_blob(server.address, "app", b"small enough").status, 201);
}

/// docker and skopeo send a layer as a stream to an upload that was opened before.
#[test]
fn a_stream_that_fills_the_disk_is_answered_and_leaves_nothing_on_it() {
    let Some(disk) = SmallDisk::mount() else { return };
    let server = Server::on(disk.0.path(), Settings::default(), |_| {});
    let opened = request(server.address, "POST", "/v2/app/blobs/uploads/", &[], b"");
    let location = opened.header("location").to_owned();
    let refused = request(server.address, "PATCH", &location, &[], &noise(20 << 20));
    assert_eq!(refused.error(), (507, "UNKNOWN".into()));
    assert_eq!(server.uploads(), 0);
    assert_eq!(get(server.address, &location).status, 404, "there is nothing to go on with");
    assert_eq!(push_blob(server.address, "app", &noise(3 << 20)).status, 201);
}
