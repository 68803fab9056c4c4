//! Pushed and pulled by the real skopeo.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use ::image::Digest;
use serde_json::json;

use crate::image::{INDEX, MANIFEST, TestImage, descriptor};
use crate::server::{Server, skipped};

/// Runs skopeo; `None` where there is none.
fn skopeo(arguments: &[&str]) -> Option<String> {
    let output = match Command::new("skopeo").args(["--insecure-policy"]).args(arguments).output() {
        Ok(output) => output,
        Err(error) => {
            skipped(&format!("no skopeo: {error}"));
            return None;
        }
    };
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "skopeo {arguments:?}: {error}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// An OCI layout whose index has these manifests under a tag.
fn write_layout(folder: &Path, tag: &str, images: &[TestImage], index: Option<&[u8]>) {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let write = |bytes: &[u8]| fs::write(blobs.join(Digest::sha256(bytes).hex()), bytes).unwrap();
    for image in images {
        image.blobs().for_each(|blob| write(blob));
        write(&image.manifest);
    }
    let mut top = match index {
        Some(index) => {
            write(index);
            descriptor(INDEX, index)
        }
        None => descriptor(MANIFEST, &images[0].manifest),
    };
    top["annotations"] = json!({ "org.opencontainers.image.ref.name": tag });
    fs::write(folder.join("index.json"), json!({ "schemaVersion": 2, "manifests": [top] }).to_string()).unwrap();
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

/// The blobs of a layout, each checked against its name.
fn blobs_of(folder: &Path) -> BTreeSet<String> {
    let blobs = fs::read_dir(folder.join("blobs/sha256")).unwrap();
    blobs
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            assert_eq!(Digest::sha256(&fs::read(&path).unwrap()).hex(), name);
            name
        })
        .collect()
}

#[test]
fn an_image_comes_back_as_it_was_pushed() {
    let server = Server::start();
    let place = tempfile::tempdir().unwrap();
    let (there, back) = (place.path().join("there"), place.path().join("back"));
    let image = TestImage::new("amd64");
    let digest = image.digest();
    write_layout(&there, "v1", &[image], None);
    let registry = format!("docker://{}/team/app:v1", server.address);
    let pushed = skopeo(&["copy", "--dest-tls-verify=false", &format!("oci:{}:v1", there.display()), &registry]);
    if pushed.is_none() {
        return;
    }
    skopeo(&["copy", "--src-tls-verify=false", &registry, &format!("oci:{}:v1", back.display())]);
    assert_eq!(blobs_of(&there), blobs_of(&back));
    let inspected = skopeo(&["inspect", "--tls-verify=false", &registry]).unwrap();
    assert!(inspected.contains(digest.as_str()), "{inspected}");
    assert!(inspected.contains("\"v1\""), "{inspected}");
    // And as a plain folder, by digest.
    let folder = place.path().join("folder");
    let by_digest = format!("docker://{}/team/app@{digest}", server.address);
    skopeo(&["copy", "--src-tls-verify=false", &by_digest, &format!("dir:{}", folder.display())]);
    assert_eq!(Digest::sha256(&fs::read(folder.join("manifest.json")).unwrap()), digest);
}

#[test]
fn an_index_of_two_platforms_comes_back_as_it_was_pushed() {
    let server = Server::start();
    let place = tempfile::tempdir().unwrap();
    let (there, back) = (place.path().join("there"), place.path().join("back"));
    let images = [TestImage::new("amd64"), TestImage::new("arm64")];
    let manifests: Vec<_> = images
        .iter()
        .zip(["amd64", "arm64"])
        .map(|(image, architecture)| {
            let mut entry = descriptor(MANIFEST, &image.manifest);
            entry["platform"] = json!({ "architecture": architecture, "os": "linux" });
            entry
        })
        .collect();
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests }).to_string();
    write_layout(&there, "v1", &images, Some(index.as_bytes()));
    let registry = format!("docker://{}/team/app:v1", server.address);
    let layout = |folder: &Path| format!("oci:{}:v1", folder.display());
    let pushed = skopeo(&["copy", "--all", "--dest-tls-verify=false", &layout(&there), &registry]);
    if pushed.is_none() {
        return;
    }
    skopeo(&["copy", "--all", "--src-tls-verify=false", &registry, &layout(&back)]);
    assert_eq!(blobs_of(&there), blobs_of(&back));
    // Each platform's image has its report.
    for image in &images {
        assert!(server.wait(server.store.report(&image.digest())).unwrap().is_some());
    }
    let one = place.path().join("one");
    skopeo(&["--override-arch", "arm64", "copy", "--src-tls-verify=false", &registry, &layout(&one)]);
    assert!(blobs_of(&one).contains(images[1].digest().hex()));
}

#[test]
fn zstd_layers_are_stored_and_catalogued() {
    let server = Server::start();
    let place = tempfile::tempdir().unwrap();
    let (there, back) = (place.path().join("there"), place.path().join("back"));
    let image = TestImage::new("amd64");
    write_layout(&there, "v1", &[image], None);
    let registry = format!("docker://{}/app:zstd", server.address);
    let source = format!("oci:{}:v1", there.display());
    let options = ["--dest-tls-verify=false", "--dest-compress-format", "zstd", "--dest-compress"];
    let arguments = [&["copy"][..], &options[..], &[source.as_str(), registry.as_str()][..]].concat();
    if skopeo(&arguments).is_none() {
        return;
    }
    skopeo(&["copy", "--src-tls-verify=false", &registry, &format!("oci:{}:v1", back.display())]);
    let manifest = skopeo(&["inspect", "--raw", "--tls-verify=false", &registry]).unwrap();
    assert!(manifest.contains("tar+zstd"), "{manifest}");
    let digest = Digest::sha256(manifest.as_bytes());
    assert!(server.wait(server.store.report(&digest)).unwrap().is_some());
}

#[test]
fn a_docker_archive_goes_through() {
    let server = Server::start();
    let place = tempfile::tempdir().unwrap();
    let there = place.path().join("there");
    write_layout(&there, "v1", &[TestImage::new("amd64")], None);
    let (first, second) = (place.path().join("first.tar"), place.path().join("second.tar"));
    let layout = format!("oci:{}:v1", there.display());
    let archive = |path: &Path| format!("docker-archive:{}:app:v1", path.display());
    if skopeo(&["copy", &layout, &archive(&first)]).is_none() {
        return;
    }
    let registry = format!("docker://{}/app:v1", server.address);
    skopeo(&["copy", "--dest-tls-verify=false", &archive(&first), &registry]);
    skopeo(&["copy", "--src-tls-verify=false", &registry, &archive(&second)]);
    let id = |path: &Path| skopeo(&["inspect", "--config", "--raw", &archive(path)]).unwrap();
    assert_eq!(id(&first), id(&second));
    let tags = skopeo(&["list-tags", "--tls-verify=false", &format!("docker://{}/app", server.address)]).unwrap();
    assert!(tags.contains("\"v1\""), "{tags}");
    skopeo(&["delete", "--tls-verify=false", &registry]);
    assert_eq!(crate::http::get(server.address, "/v2/app/manifests/v1").status, 404);
}
