//! Nothing that an image says of itself is believed before its bytes were read.

use std::error::Error;
use std::fs::File;
use std::sync::Arc;

use image::source::DockerArchive;
use image::{Digest, ImageSource};
use inventory::cataloguers;
use inventory::worker::Launcher;
use scan::{Options, ScanError, Silent};

use crate::made::{House, Made, debian, layer};

async fn refusal(house: &House, made: Made) -> ScanError {
    let source: Arc<dyn ImageSource> = Arc::new(made);
    house.scanner.scan(source, Options::default(), Arc::new(Silent)).await.unwrap_err()
}

#[tokio::test]
async fn a_layer_with_one_byte_changed_is_refused_and_nothing_of_it_is_kept() {
    let house = House::new().await;
    let base = debian(&[("curl", "7")]);
    let mut made = Made::new(std::slice::from_ref(&base));
    // In a file's content, where nothing but the digest can tell.
    let place = base.windows(4).position(|window| window == b"curl").unwrap();
    made.blobs[0][place] ^= 1;
    let changed = Digest::sha256(&made.blobs[0]);
    let error = refusal(&house, made).await;
    assert!(matches!(error, ScanError::Changed { layer: 0, .. }), "{error:?}");
    assert!(error.source().unwrap().to_string().contains(Digest::sha256(&base).as_str()));
    for digest in [Digest::sha256(&base), changed] {
        assert_eq!(house.store.layer_record(&digest, cataloguers::VERSION).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_config_that_claims_another_layers_content_gains_nothing() {
    let house = House::new().await;
    let (clean, vulnerable) = (layer(&[("x", "")]), debian(&[("curl", "7")]));
    // Both are known from images that were scanned before.
    for known in [&clean, &vulnerable] {
        let source: Arc<dyn ImageSource> = Arc::new(Made::new(std::slice::from_ref(known)));
        house.scanner.scan(source, Options::default(), Arc::new(Silent)).await.unwrap();
    }
    let lying = Made::claiming(&[vulnerable], &[Digest::sha256(&clean)]);
    let error = refusal(&house, lying).await;
    assert!(matches!(error, ScanError::Changed { .. }), "{error:?}");
}

#[tokio::test]
async fn what_an_archive_claims_of_a_layer_does_not_spare_reading_it() {
    let house = House::new().await;
    let base = debian(&[("curl", "7")]);
    let mut made = Made::new(std::slice::from_ref(&base));
    // An archive of docker save names layers by path and not by digest.
    made.image.layers[0].blob = None;
    let made = Arc::new(made);
    for _ in 0..2 {
        let source: Arc<dyn ImageSource> = made.clone();
        house.scanner.scan(source, Options::default(), Arc::new(Silent)).await.unwrap();
        assert_eq!(made.take_opened(), 1);
    }
}

/// What `docker save` would write of one layer, as a file, with `stored` in the place of the layer that it names.
fn archive(layer: &[u8], stored: &[u8]) -> File {
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux",
        "rootfs": { "type": "layers", "diff_ids": [Digest::sha256(layer).to_string()] },
    });
    let list = serde_json::json!([{ "Config": "config.json", "RepoTags": ["a:1"], "Layers": ["layer.tar"] }]);
    let mut tar = tar::Builder::new(tempfile::tempfile().unwrap());
    for (path, content) in [
        ("layer.tar", stored),
        ("config.json", config.to_string().as_bytes()),
        ("manifest.json", list.to_string().as_bytes()),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path, content).unwrap();
    }
    tar.into_inner().unwrap()
}

#[tokio::test]
async fn a_layer_that_is_not_verified_is_marked_and_nothing_of_it_is_kept() {
    let house = House::new().await;
    let base = debian(&[("curl", "7")]);
    let mut changed = base.clone();
    let place = changed.windows(4).position(|window| window == b"curl").unwrap();
    changed[place..place + 4].copy_from_slice(b"nice");
    let open = || -> Arc<dyn ImageSource> {
        let spool = std::env::temp_dir();
        Arc::new(DockerArchive::open(archive(&base, &changed), "a.tar", None, None, &spool).unwrap())
    };
    let error = house.scanner.scan(open(), Options::default(), Arc::new(Silent)).await.unwrap_err();
    assert!(matches!(error, ScanError::Changed { .. }), "{error:?}");

    let unverified = Options { unverified: true, ..Options::default() };
    let report = house.scanner.scan(open(), unverified, Arc::new(Silent)).await.unwrap();
    assert_eq!(report.inventory.packages[0].package.name, "nice");
    assert_eq!((report.inventory.unverified.as_slice(), report.layers_read), (&[0][..], 1));
    assert_eq!(house.store.layer_record(&Digest::sha256(&base), cataloguers::VERSION).await.unwrap(), None);
    assert!(house.store.report(&report.digest).await.unwrap().is_none(), "a gate would find it");
}

#[tokio::test]
async fn a_layer_that_is_no_part_of_a_file_is_verified_though_nobody_asked_for_it() {
    let house = House::new().await;
    let base = debian(&[("curl", "7")]);
    let source: Arc<dyn ImageSource> = Arc::new(Made::new(std::slice::from_ref(&base)));
    let unverified = Options { unverified: true, ..Options::default() };
    let report = house.scanner.scan(source, unverified, Arc::new(Silent)).await.unwrap();
    assert!(report.inventory.unverified.is_empty());
    assert!(house.store.layer_record(&Digest::sha256(&base), cataloguers::VERSION).await.unwrap().is_some());
}

#[tokio::test]
async fn a_worker_that_dies_costs_an_unverified_scan_too() {
    let house = House::with(Launcher::program("/bin/false", [] as [&str; 0])).await;
    let base = debian(&[("curl", "7")]);
    let archive = DockerArchive::open(archive(&base, &base), "a.tar", None, None, &std::env::temp_dir()).unwrap();
    let unverified = Options { unverified: true, ..Options::default() };
    let error = house.scanner.scan(Arc::new(archive), unverified, Arc::new(Silent)).await.unwrap_err();
    assert!(matches!(error, ScanError::Incomplete { layer: 0, .. }), "{error:?}");
}
