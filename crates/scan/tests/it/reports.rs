//! An image's report follows the advisory index that is in force.

use std::sync::Arc;

use image::{Digest, ImageSource, Verified};
use scan::{Options, Silent};

use crate::made::{House, Made, debian};

/// Keeps an image as a push does: its blobs, and the records of its layers.
async fn push(house: &House, made: &Made) -> Digest {
    for bytes in &made.blobs {
        house.store.blobs().put(&Verified::name(bytes.clone())).unwrap();
        let (walked, record) = house.scanner.catalogue(Box::new(std::io::Cursor::new(bytes.clone()))).unwrap();
        house.scanner.keep(&walked, &record).await.unwrap();
    }
    house.store.blobs().put(&made.image.config_bytes).unwrap();
    house.store.blobs().put(made.image.manifest_bytes.as_ref().unwrap()).unwrap();
    made.image.digest.clone()
}

#[tokio::test]
async fn a_pushed_image_has_its_report_without_its_layers_being_read_again() {
    let house = House::new().await;
    house.advise("curl", "7.88.1-11");
    let digest = push(&house, &Made::new(&[debian(&[("curl", "7.88.1-10"), ("zlib1g", "1")])])).await;
    let report = house.scanner.report_stored(&digest).await.unwrap().unwrap();
    assert_eq!(report.layers_read, 0);
    assert_eq!(report.findings.len(), 1);
    assert_eq!(report.findings[0].matched.fixed.as_deref(), Some("7.88.1-11"));
    let row = house.store.report(&digest).await.unwrap().unwrap();
    assert_eq!(row.counts.iter().sum::<i64>(), 1);
    let images = house.store.images_with("CVE-2026-1").await.unwrap();
    assert_eq!(images[0].0, digest, "found by its CVE");
}

#[tokio::test]
async fn another_index_makes_another_report() {
    let house = House::new().await;
    house.advise("curl", "7.88.1-10");
    let digest = push(&house, &Made::new(&[debian(&[("curl", "7.88.1-10")])])).await;
    assert!(house.scanner.report_stored(&digest).await.unwrap().unwrap().findings.is_empty());
    house.advise("curl", "7.88.1-11");
    let stale = house.store.stale_reports(&house.scanner.advisories().identity().unwrap().id, 10).await.unwrap();
    assert_eq!(stale, std::slice::from_ref(&digest));
    assert_eq!(house.scanner.report_stored(&digest).await.unwrap().unwrap().findings.len(), 1);
}

#[tokio::test]
async fn an_image_with_a_layer_that_nobody_read_is_pending_and_a_signature_is_no_image() {
    let house = House::new().await;
    let made = Made::new(&[debian(&[("curl", "7")])]);
    house.store.blobs().put(&made.image.config_bytes).unwrap();
    house.store.blobs().put(made.image.manifest_bytes.as_ref().unwrap()).unwrap();
    assert!(house.scanner.report_stored(&made.image.digest).await.unwrap().is_none());
    let artifact = Verified::name(
        br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"a/b","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}"#.to_vec(),
    );
    house.store.blobs().put(&artifact).unwrap();
    assert!(house.scanner.report_stored(artifact.digest()).await.unwrap().is_none());
}

#[tokio::test]
async fn packages_that_no_source_covers_are_unknown_and_never_clean() {
    let house = House::new().await;
    let source: Arc<dyn ImageSource> = Arc::new(Made::new(&[debian(&[("curl", "7"), ("zlib1g", "1")])]));
    let report = house.scanner.scan(source, Options::default(), Arc::new(Silent)).await.unwrap();
    assert!(report.findings.is_empty());
    assert_eq!(report.uncovered, [("Debian:12".to_owned(), 2)]);
}
