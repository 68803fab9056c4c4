//! `docker-archive:FILE` in all its forms, from files and pipes.

use std::fs::File;
use std::io::{ErrorKind, Seek, Write};
use std::os::fd::OwnedFd;
use std::process::Command;

use image::source::{DockerArchive, SourceError};
use image::{Digest, ImageSource, Platform};
use serde_json::{Value, json};

use crate::made::{self, Parts, image_of, saved, tagged, tar_of};
use crate::outside;

fn parts(content: &[u8]) -> Parts {
    image_of(&[tar_of(&[("etc/name", content)]), tar_of(&[("second", &[2; 9000])])], "amd64")
}

fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

fn open(bytes: &[u8], choice: Option<&str>) -> Result<DockerArchive, SourceError> {
    DockerArchive::open(file_of(bytes), "a.tar", choice, None, &std::env::temp_dir())
}

fn assert_layers(source: &dyn ImageSource, parts: &Parts) {
    assert_eq!(source.image().layers.len(), parts.tars.len());
    for (index, tar) in parts.tars.iter().enumerate() {
        let layer = &source.image().layers[index];
        let (walked, _) = made::see(source.open_layer(index).unwrap()).unwrap();
        layer.check(&walked).unwrap();
        assert_eq!(walked.diff_id, Digest::sha256(tar));
    }
    assert!(matches!(source.open_layer(parts.tars.len()), Err(SourceError::NotFound { .. })));
}

/// Members of a tar in this order, as written.
fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    tar_of(members)
}

/// `manifest.json` of one image.
fn list(config: &str, layers: &[&str]) -> Vec<u8> {
    json!([{ "Config": config, "RepoTags": null, "Layers": layers }]).to_string().into_bytes()
}

#[test]
fn what_docker_saved_before_25_is_read_by_offset() {
    let parts = parts(b"one");
    let source = open(&saved(&[("app:1", &parts)]), None).unwrap();
    let image = source.image();
    assert_eq!(image.digest, parts.config.digest(), "without a manifest the config names the image");
    assert_eq!(image.reference, None, "a name in an archive is a claim");
    assert!(image.manifest_bytes.is_none());
    assert_eq!(image.manifest.layers().len(), 2);
    assert_eq!(image.layers[1].created_by.as_deref(), Some("COPY layer 1"));
    assert!(image.layers.iter().all(|layer| layer.blob.is_none()));
    assert_layers(&source, &parts);
}

#[test]
fn a_compressed_archive_and_one_from_a_pipe_are_read_alike() {
    let parts = parts(b"one");
    let tar = saved(&[("app:1", &parts)]);
    for bytes in [made::gzip(&tar), made::zstd(&tar)] {
        assert_layers(&open(&bytes, None).unwrap(), &parts);
    }
    for bytes in [tar.clone(), made::gzip(&tar)] {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let writing = std::thread::spawn(move || writer.write_all(&bytes).unwrap());
        let file = File::from(OwnedFd::from(reader));
        let source = DockerArchive::open(file, "-", None, None, &std::env::temp_dir()).unwrap();
        writing.join().unwrap();
        assert_layers(&source, &parts);
    }
}

#[test]
fn nothing_of_a_pipe_is_left_in_the_spool() {
    let spool = tempfile::tempdir().unwrap();
    let gzipped = made::gzip(&saved(&[("app:1", &parts(b"one"))]));
    let source = DockerArchive::open(file_of(&gzipped), "a.tar", None, None, spool.path()).unwrap();
    assert_eq!(std::fs::read_dir(spool.path()).unwrap().count(), 0);
    drop(source);
    let gone = DockerArchive::open(file_of(&gzipped), "a.tar", None, None, &spool.path().join("gone"));
    assert!(matches!(gone, Err(SourceError::Io { .. })));
}

/// A file system of 256 KiB, for as long as it is held.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Self {
        let folder = tempfile::tempdir().unwrap();
        outside::run(Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).arg(folder.path()));
        Self(folder)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(self.0.path()).status());
    }
}

#[test]
fn a_full_disk_is_named_and_left_as_it_was() {
    if !outside::is_root() {
        return;
    }
    let disk = SmallDisk::mount();
    let large = image_of(&[tar_of(&[("zeros", &vec![0; 1 << 20])])], "amd64");
    let archive = file_of(&made::gzip(&saved(&[("app:1", &large)])));
    let error = DockerArchive::open(archive, "a.tar.gz", None, None, disk.0.path()).map(|_| ()).unwrap_err();
    assert!(matches!(&error, SourceError::Io { source, .. } if source.kind() == ErrorKind::StorageFull), "{error}");
    assert!(error.to_string().starts_with("could not keep a.tar.gz in a temporary file in "), "{error}");
    std::fs::write(disk.0.path().join("again"), vec![1; 100 << 10]).unwrap();
}

#[test]
fn layers_may_be_links_as_docker_and_skopeo_write_them() {
    let parts = parts(b"one");
    let mut builder = tar::Builder::new(Vec::new());
    let mut add = |path: &str, bytes: &[u8]| {
        builder.append_data(&mut made::header(tar::EntryType::Regular, bytes.len() as u64), path, bytes).unwrap();
    };
    add("real/layer.tar", &parts.tars[0]);
    add("second.tar", &parts.tars[1]);
    add("config.json", &parts.config.bytes);
    add("manifest.json", &list("config.json", &["a/layer.tar", "b/layer.tar"]));
    builder.append_link(&mut made::header(tar::EntryType::Symlink, 0), "a/layer.tar", "../real/layer.tar").unwrap();
    builder.append_link(&mut made::header(tar::EntryType::Link, 0), "b/layer.tar", "second.tar").unwrap();
    assert_layers(&open(&builder.into_inner().unwrap(), None).unwrap(), &parts);
}

#[test]
fn links_that_lead_out_or_round_are_refused() {
    let parts = parts(b"one");
    let with_link = |target: &str| {
        let mut builder = tar::Builder::new(Vec::new());
        let list = list("config.json", &["l0", "l1"]);
        for (path, bytes) in [("config.json", &parts.config.bytes), ("manifest.json", &list), ("l1", &parts.tars[1])] {
            let mut header = made::header(tar::EntryType::Regular, bytes.len() as u64);
            builder.append_data(&mut header, path, bytes.as_slice()).unwrap();
        }
        builder.append_link(&mut made::header(tar::EntryType::Symlink, 0), "l0", target).unwrap();
        open(&builder.into_inner().unwrap(), None).map(|_| ()).unwrap_err()
    };
    for target in ["/etc/passwd", "../../../../etc/passwd", "nowhere"] {
        assert!(matches!(with_link(target), SourceError::NotFound { .. }), "{target}");
    }
    assert!(with_link("l0").to_string().contains("circle"));
}

/// What docker has saved since version 25, with the manifest of a platform that it left out.
fn saved_by_25(parts: &Parts) -> Vec<u8> {
    let missing = made::Blob::new(made::OCI_MANIFEST, "of a platform that was left out");
    made::saved_by_25(parts, &[missing.descriptor_for("s390x"), tagged(parts.manifest.descriptor(), "1")], &[])
}

#[test]
fn what_docker_saves_since_25_has_its_manifests_digest() {
    let parts = parts(b"one");
    let source = open(&saved_by_25(&parts), None).unwrap();
    assert_eq!(source.image().digest, parts.manifest.digest());
    assert_eq!(source.image().manifest_bytes.as_deref().unwrap(), parts.manifest.bytes);
    assert_eq!(source.image().layers[0].blob, Some(parts.layers[0].digest()));
    assert_layers(&source, &parts);
    assert_layers(&open(&saved_by_25(&parts), Some("docker.io/library/app:1")).unwrap(), &parts);
}

#[test]
fn an_oci_archive_is_told_by_its_content() {
    let parts = parts(b"one");
    let mut tar = tar::Archive::new(std::io::Cursor::new(saved_by_25(&parts)));
    let mut builder = tar::Builder::new(Vec::new());
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.path().unwrap().to_str() != Some("manifest.json") {
            let mut header = entry.header().clone();
            let path = entry.path().unwrap().into_owned();
            builder.append_data(&mut header, path, &mut entry).unwrap();
        }
    }
    let source = open(&builder.into_inner().unwrap(), Some("1")).unwrap();
    assert_eq!(source.image().digest, parts.manifest.digest());
    assert_layers(&source, &parts);
}

#[test]
fn one_of_several_images_is_chosen_by_name_or_id() {
    let (one, two) = (parts(b"one"), parts(b"two"));
    let tar = saved(&[("app:1", &one), ("ghcr.io/team/app:2", &two)]);
    let id = two.config.digest();
    for choice in ["ghcr.io/team/app:2", id.as_str(), id.hex(), &id.hex()[..12]] {
        assert_eq!(open(&tar, Some(choice)).unwrap().image().digest, id, "{choice}");
    }
    for choice in ["app:1", "docker.io/library/app:1"] {
        assert_eq!(open(&tar, Some(choice)).unwrap().image().digest, one.config.digest(), "{choice}");
    }
    insta::assert_snapshot!(open(&tar, None).unwrap_err(), @"a.tar holds several images; say which: a.tar:app:1, a.tar:ghcr.io/team/app:2");
    insta::assert_snapshot!(open(&tar, Some("app:3")).unwrap_err(), @r#"image "app:3" was not found in a.tar; it has app:1, ghcr.io/team/app:2"#);
}

#[test]
fn an_image_for_another_platform_than_asked_for_is_refused() {
    let tar = saved(&[("app:1", &parts(b"one"))]);
    let arm: Platform = "linux/arm64".parse().unwrap();
    let error = DockerArchive::open(file_of(&tar), "a.tar", None, Some(&arm), &std::env::temp_dir());
    assert!(matches!(error, Err(SourceError::Platform { .. })));
}

#[test]
fn archives_that_lie_or_are_none_are_refused() {
    let parts = parts(b"one");
    let config = &parts.config.bytes;
    let hex = parts.config.digest().hex().to_owned();
    let named = format!("{hex}.json");
    let other: Value =
        json!({ "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [] } });
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty file", Vec::new()),
        ("no manifest.json", archive(&[("x", b"y")])),
        ("docker before 1.10", archive(&[("repositories", b"{}")])),
        ("malformed list", archive(&[("manifest.json", b"{}")])),
        ("empty list", archive(&[("manifest.json", b"[]")])),
        ("missing config", archive(&[("manifest.json", &list("c.json", &[]))])),
        (
            "config is not what its name says",
            archive(&[("manifest.json", &list(&named, &[])), (&named, other.to_string().as_bytes())]),
        ),
        ("missing layer", archive(&[("manifest.json", &list("c.json", &["a", "b"])), ("c.json", config)])),
        (
            "fewer layers than diff ids",
            archive(&[("manifest.json", &list("c.json", &["a"])), ("c.json", config), ("a", &parts.tars[0])]),
        ),
        ("path outside", archive(&[("manifest.json", &list("/etc/passwd", &[]))])),
        ("truncated", saved(&[("app:1", &parts)])[..5000].to_vec()),
        ("truncated gzip", made::gzip(&saved(&[("app:1", &parts)]))[..500].to_vec()),
        ("bzip2", b"BZh91AY&SY".to_vec()),
    ];
    let refusals: Vec<_> = cases
        .into_iter()
        .map(|(case, bytes)| format!("{case}: {}", open(&bytes, None).map(|_| ()).unwrap_err()).replace(&hex, "CONFIG"))
        .collect();
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    empty file: "manifest.json" was not found in a.tar; it is no archive of docker save, or was cut short
    no manifest.json: "manifest.json" was not found in a.tar; it is no archive of docker save, or was cut short
    docker before 1.10: a.tar: docker before 1.10 wrote it, without digests; load it into a docker of today and save it again
    malformed list: manifest.json of a.tar is malformed: invalid type: map, expected a sequence at line 1 column 0; the image must be built or pushed again
    empty list: manifest.json of a.tar is malformed: it lists no image; the image must be built or pushed again
    missing config: "c.json" was not found in a.tar; it is no archive of docker save, or was cut short
    config is not what its name says: config "CONFIG.json" of a.tar has digest sha256:d5e5f6d6551cbe4d912c55a7edadad0506614847b522062b86d74b53997b7a00, but sha256:CONFIG was asked for; the bytes were changed or cut short on the way
    missing layer: "a" was not found in a.tar; it is no archive of docker save, or was cut short
    fewer layers than diff ids: manifest.json of a.tar is malformed: it lists 1 layers, but its config has 2 of them; the image must be built or pushed again
    path outside: "/etc/passwd" was not found in a.tar; it is no archive of docker save, or was cut short
    truncated: could not read a.tar: the data ends in the middle of the content of "2086937e3251b953b4d1b868306398ba33e96b56d9e3e1c239537c947608dc86/layer.tar", after 5000 bytes; it was cut short, fetch, push or save it again
    truncated gzip: could not read a.tar: the data ends in the middle of the gzip stream, after 500 bytes; it was cut short, fetch, push or save it again
    bzip2: could not read a.tar: the data cannot be read: it is compressed with bzip2; the image format knows gzip, zstd and plain tar
    "#);
    let folder = File::open(std::env::temp_dir()).unwrap();
    let error = DockerArchive::open(folder, "dir", None, None, &std::env::temp_dir()).unwrap_err();
    assert!(error.to_string().contains("oci:DIR"), "{error}");
}

#[test]
fn an_archive_of_too_many_members_is_refused() {
    let tar = [made::raw_header(b"x", b'0', 0).repeat(65_537), made::END.to_vec()].concat();
    let error = open(&tar, None).unwrap_err();
    assert!(error.to_string().contains("65536"), "{error}");
}

#[test]
fn the_alpine_archive_of_the_shared_data_is_read() {
    let Some(path) = outside::shared_data("inputs/alpine-310.tar.gz") else { return };
    let source =
        DockerArchive::open(File::open(path).unwrap(), "alpine-310.tar.gz", None, None, &std::env::temp_dir()).unwrap();
    let image = source.image();
    assert_eq!(Platform::of_config(&image.config).to_string(), "linux/amd64");
    assert_eq!(image.layers.len(), 1);
    let (walked, seen) = made::see(source.open_layer(0).unwrap()).unwrap();
    assert_eq!(walked.diff_id, image.layers[0].diff_id, "the layer is what the config says");
    let (_, release) = seen.0.iter().find(|(entry, _)| entry.path == "etc/alpine-release").unwrap();
    assert_eq!(release, b"3.10.4\n");
}
