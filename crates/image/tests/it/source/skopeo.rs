//! What the real skopeo writes is read, and says the same in each form.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use image::source::{DockerArchive, LayoutFolder, OciLayout};
use image::{Digest, ImageSource};

use crate::made::{self, image_of, saved, tar_of};
use crate::outside;

fn copy(arguments: &[&str], from: &str, to: &str) {
    let mut skopeo = Command::new("skopeo");
    outside::run(skopeo.args(["--insecure-policy", "copy", "--quiet"]).args(arguments).args([from, to]));
}

fn diff_ids(source: &dyn ImageSource) -> Vec<Digest> {
    let image = source.image();
    let walk = |index: usize| {
        let (walked, _) = made::see(source.open_layer(index).unwrap()).unwrap();
        image.layers[index].check(&walked).unwrap();
        walked.diff_id
    };
    (0..image.layers.len()).map(walk).collect()
}

fn layout(path: &Path, tag: Option<&str>) -> OciLayout {
    OciLayout::open(LayoutFolder::open(path).unwrap(), "oci:layout", tag, None).unwrap()
}

fn archive(path: &Path) -> DockerArchive {
    DockerArchive::open(File::open(path).unwrap(), "archive", None, None, &std::env::temp_dir()).unwrap()
}

#[test]
fn an_image_is_the_same_in_every_form_that_skopeo_writes() {
    if !outside::has_program("skopeo") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let parts = image_of(&[tar_of(&[("etc/name", b"one")]), tar_of(&[("b", &vec![7; 100_000])])], "amd64");
    fs::write(at("saved.tar"), saved(&[("app:1", &parts)])).unwrap();
    let from = format!("docker-archive:{}", at("saved.tar").display());
    copy(&[], &from, &format!("oci:{}:v1", at("layout").display()));
    copy(&["--dest-compress-format", "zstd"], &from, &format!("oci:{}:v1", at("zstd").display()));
    copy(&[], &from, &format!("docker-archive:{}:app:1", at("docker.tar").display()));
    copy(&[], &from, &format!("oci-archive:{}:v1", at("oci.tar").display()));

    let expected: Vec<_> = parts.tars.iter().map(|tar| Digest::sha256(tar)).collect();
    assert_eq!(diff_ids(&layout(&at("layout"), Some("v1"))), expected);
    assert_eq!(diff_ids(&layout(&at("layout"), None)), expected);
    assert_eq!(diff_ids(&layout(&at("zstd"), None)), expected);
    assert_eq!(diff_ids(&archive(&at("docker.tar"))), expected);
    assert_eq!(diff_ids(&archive(&at("oci.tar"))), expected);
    assert_eq!(diff_ids(&archive(&at("saved.tar"))), expected);
    // skopeo rewrites the config for OCI; what it wrote twice is the same image.
    assert_eq!(layout(&at("layout"), None).image().digest, archive(&at("oci.tar")).image().digest);
}
