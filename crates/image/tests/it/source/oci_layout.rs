//! `oci:DIR[:TAG]` reads what the layout holds and nothing outside of it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use image::source::{LayoutFolder, OciLayout, SourceError};
use image::{Digest, ImageSource, Platform};
use serde_json::json;
use tempfile::TempDir;

use crate::made::{self, Parts, image_of, index_of, tagged, tar_of, write_blob, write_layout};

fn parts(content: &[u8], architecture: &str) -> Parts {
    image_of(&[tar_of(&[("etc/name", content)]), tar_of(&[("second", b"2")])], architecture)
}

fn layout_of(parts: &Parts) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    parts.write_to(folder.path());
    write_layout(folder.path(), &[parts.manifest.descriptor()]);
    folder
}

fn open(folder: &Path, tag: Option<&str>, platform: Option<&str>) -> Result<OciLayout, SourceError> {
    let platform: Option<Platform> = platform.map(|text| text.parse().unwrap());
    OciLayout::open(LayoutFolder::open(folder)?, "oci:layout", tag, platform.as_ref())
}

fn refusal(folder: &Path) -> SourceError {
    open(folder, None, None).map(|_| ()).unwrap_err()
}

fn assert_layers(source: &dyn ImageSource, parts: &Parts) {
    let layers = &source.image().layers;
    assert_eq!(layers.len(), parts.tars.len());
    for (index, tar) in parts.tars.iter().enumerate() {
        let (walked, _) = made::see(source.open_layer(index).unwrap()).unwrap();
        assert_eq!(walked.diff_id, Digest::sha256(tar));
        layers[index].check(&walked).unwrap();
    }
    assert!(matches!(source.open_layer(layers.len()), Err(SourceError::NotFound { .. })));
}

#[test]
fn the_only_image_needs_no_tag() {
    let parts = parts(b"one", "amd64");
    let folder = layout_of(&parts);
    let source = open(folder.path(), None, None).unwrap();
    assert_eq!(source.image().digest, parts.manifest.digest());
    assert_eq!(source.image().index_digest, None, "index.json has no digest");
    assert_layers(&source, &parts);
}

#[test]
fn one_of_several_is_chosen_by_tag_and_without_one_the_tags_are_named() {
    let (one, two) = (parts(b"one", "amd64"), parts(b"two", "amd64"));
    let folder = layout_of(&one);
    two.write_to(folder.path());
    write_layout(folder.path(), &[tagged(one.manifest.descriptor(), "v1"), tagged(two.manifest.descriptor(), "v2")]);
    assert_eq!(open(folder.path(), Some("v2"), None).unwrap().image().digest, two.manifest.digest());
    let by_digest = one.manifest.digest();
    assert_eq!(open(folder.path(), Some(by_digest.as_str()), None).unwrap().image().digest, by_digest);
    insta::assert_snapshot!(refusal(folder.path()), @"oci:layout holds several images; say which: oci:layout:v1, oci:layout:v2");
    insta::assert_snapshot!(open(folder.path(), Some("v3"), None).unwrap_err(), @r#"image "v3" was not found in oci:layout; it has v1, v2"#);
}

#[test]
fn a_tag_may_stand_for_several_platforms() {
    let (one, two) = (parts(b"one", "amd64"), parts(b"two", "arm64"));
    let folder = layout_of(&one);
    two.write_to(folder.path());
    let entries = [one.manifest.descriptor_for("amd64"), two.manifest.descriptor_for("arm64")];
    write_layout(folder.path(), &entries.map(|entry| tagged(entry, "v1")));
    for tag in [None, Some("v1")] {
        let source = open(folder.path(), tag, Some("linux/arm64")).unwrap();
        assert_eq!(source.image().digest, two.manifest.digest());
    }
}

#[test]
fn an_index_that_points_to_itself_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let lie = Digest::sha256(b"lie");
    let entry = |size: usize| json!({ "mediaType": made::OCI_INDEX, "digest": lie, "size": size });
    let circle = index_of(&[entry(200)]);
    write_layout(folder.path(), &[entry(circle.bytes.len())]);
    fs::write(folder.path().join("blobs/sha256").join(lie.hex()), &circle.bytes).unwrap();
    assert!(matches!(refusal(folder.path()), SourceError::PointsToItself { .. }));

    // The same by a link to index.json itself, which is not followed at all.
    fs::remove_file(folder.path().join("blobs/sha256").join(lie.hex())).unwrap();
    symlink("../../index.json", folder.path().join("blobs/sha256").join(lie.hex())).unwrap();
    assert!(matches!(refusal(folder.path()), SourceError::Unsupported { .. }));
}

#[test]
fn links_out_of_the_layout_are_not_followed() {
    let parts = parts(b"one", "amd64");
    let secret = tempfile::tempdir().unwrap();
    let layer = parts.layers[0].digest();
    fs::write(secret.path().join("outside"), &parts.layers[0].bytes).unwrap();
    write_blob(secret.path(), &parts.layers[0]);

    let by_file = layout_of(&parts);
    let blob = by_file.path().join("blobs/sha256").join(layer.hex());
    fs::remove_file(&blob).unwrap();
    symlink(secret.path().join("outside"), &blob).unwrap();
    let error = open(by_file.path(), None, None).unwrap().open_layer(0).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("symbolic links in a layout are not followed"), "{error}");

    let by_folder = layout_of(&parts);
    fs::rename(by_folder.path().join("blobs"), by_folder.path().join("elsewhere")).unwrap();
    symlink(by_folder.path().join("elsewhere"), by_folder.path().join("blobs")).unwrap();
    assert!(open(by_folder.path(), None, None).is_err());

    let by_index = layout_of(&parts);
    fs::remove_file(by_index.path().join("index.json")).unwrap();
    symlink("/etc/passwd", by_index.path().join("index.json")).unwrap();
    let error = refusal(by_index.path()).to_string();
    assert!(!error.contains("root:"), "{error}");
}

#[test]
fn a_fifo_in_place_of_a_blob_does_not_hang() {
    let parts = parts(b"one", "amd64");
    let folder = layout_of(&parts);
    let blob = folder.path().join("blobs/sha256").join(parts.config.digest().hex());
    fs::remove_file(&blob).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &blob, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
    assert!(matches!(refusal(folder.path()), SourceError::Malformed { .. }));
}

#[test]
fn a_changed_config_and_a_layer_of_another_size_are_refused() {
    let parts = parts(b"one", "amd64");
    let folder = layout_of(&parts);
    let layer = folder.path().join("blobs/sha256").join(parts.layers[0].digest().hex());
    fs::write(&layer, [parts.layers[0].bytes.as_slice(), b"x"].concat()).unwrap();
    let source = open(folder.path(), None, None).unwrap();
    assert!(matches!(source.open_layer(0), Err(SourceError::Size { .. })));

    let config = folder.path().join("blobs/sha256").join(parts.config.digest().hex());
    let mut bytes = parts.config.bytes.clone();
    bytes[30] ^= 1;
    fs::write(config, bytes).unwrap();
    assert!(matches!(refusal(folder.path()), SourceError::Digest(_)));
}

#[test]
fn what_is_no_layout_is_refused_with_what_is_missing() {
    let empty = tempfile::tempdir().unwrap();
    assert!(refusal(empty.path()).to_string().contains("oci-layout was not found"));
    assert!(matches!(LayoutFolder::open(&empty.path().join("gone")), Err(SourceError::Io { .. })));

    let parts = parts(b"one", "amd64");
    for (file, content) in [
        ("oci-layout", r#"{"imageLayoutVersion":"2.0.0"}"#),
        ("oci-layout", "nonsense"),
        ("index.json", "{}"),
        ("index.json", "[[[[["),
        ("index.json", r#"{"schemaVersion":2,"manifests":[]}"#),
    ] {
        let folder = layout_of(&parts);
        fs::write(folder.path().join(file), content).unwrap();
        assert!(open(folder.path(), None, None).is_err(), "{file} {content}");
    }
    let huge = layout_of(&parts);
    fs::File::create(huge.path().join("index.json")).unwrap().set_len(5 << 20).unwrap();
    assert!(matches!(refusal(huge.path()), SourceError::TooLarge { .. }));
}

#[test]
fn held_files_are_read_after_the_right_to_open_them_is_gone() {
    let parts = parts(b"one", "amd64");
    let folder = layout_of(&parts);
    let mut held = LayoutFolder::open(folder.path()).unwrap();
    held.hold_files().unwrap();
    // Nothing can be opened any more, root or not.
    fs::remove_dir_all(folder.path()).unwrap();
    let source = OciLayout::open(held, "oci:layout", None, None).unwrap();
    assert_layers(&source, &parts);
}
