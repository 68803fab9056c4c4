//! Signatures in the server's own store.

use image::{Digest, Verified};
use keys::Signer as _;
use serde_json::json;
use store::Store;
use store::repositories::ManifestRow;
use trust::{StoredSignatures, Verifier, bundle, stored};

use super::material::{ALICE, bundle as signature, image};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Keeps a manifest that holds `blob` and says that it is about `subject`, as the registry does for a push.
async fn keep(store: &Store, subject: &Digest, row_subject: &Digest, blob: Option<&[u8]>, annotations: Option<&str>) {
    let blob_digest = blob.map_or_else(|| Digest::sha256(b"missing"), Digest::sha256);
    if let Some(blob) = blob {
        store.blobs().put(&Verified::name(blob.to_vec())).unwrap();
    }
    let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": bundle::MEDIA_TYPE,
        "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::sha256(b"{}"), "size": 2 },
        "layers": [{ "mediaType": bundle::MEDIA_TYPE, "digest": blob_digest, "size": blob.map_or(1, <[u8]>::len) }],
        "subject": { "mediaType": MANIFEST, "digest": subject, "size": 1 } });
    let manifest = Verified::name(manifest.to_string().into_bytes());
    store.blobs().put(&manifest).unwrap();
    let row = ManifestRow {
        digest: manifest.digest().clone(),
        media_type: MANIFEST.into(),
        size: manifest.len() as u64,
        subject: Some(row_subject.clone()),
        artifact_type: Some(bundle::MEDIA_TYPE.into()),
        annotations: annotations.map(str::to_owned),
        pushed_at: "2026-11-25T12:00:00Z".into(),
    };
    store.put_manifest("team/app", &row, None).await.unwrap();
}

#[tokio::test]
async fn signatures_in_the_store_are_found_among_broken_ones() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), None).await.unwrap();
    let other = Digest::sha256(b"another image");
    keep(&store, &image(), &image(), Some(&signature(&image(), &ALICE)), None).await;
    keep(&store, &image(), &image(), None, None).await;
    keep(&store, &other, &image(), Some(&signature(&other, &ALICE)), None).await;
    let provenance = r#"{"dev.sigstore.bundle.predicateType":"https://slsa.dev/provenance/v1"}"#;
    keep(&store, &image(), &image(), Some(b"provenance, which is not read"), Some(provenance)).await;

    let found = stored::found(&store, "team/app", &image()).await.unwrap();
    assert_eq!(found.len(), 3);
    assert!(stored::found(&store, "team/other", &image()).await.unwrap().is_empty());

    let source = StoredSignatures::new(store, "team/app");
    let verifier = Verifier::new(vec![ALICE.public_key()]);
    let examination = tokio::task::spawn_blocking(move || verifier.examine(&image(), &source)).await.unwrap().unwrap();
    assert_eq!(examination.signatures.len(), 1);
    let mut reasons: Vec<_> = examination.rejected.iter().map(ToString::to_string).collect();
    reasons.sort_by_key(|reason| reason.contains("another image"));
    assert!(reasons[0].contains("not there") && reasons[1].contains("another image"), "{reasons:?}");
}

/// Whoever may push can put a million bytes beside an image some hundred times; a server reads them for each pull of a tag
/// that it keeps back.
#[tokio::test]
async fn what_is_read_beside_an_image_is_bounded_in_all() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), None).await.unwrap();
    for number in 0..50_u8 {
        keep(&store, &image(), &image(), Some(&vec![number; 1 << 20]), None).await;
    }
    let found = stored::found(&store, "team/app", &image()).await.unwrap();
    assert!((32..=33).contains(&found.len()), "{}", found.len());
    let last = found.last().unwrap().as_ref().unwrap_err().to_string();
    assert!(last.contains("not looked at"), "{last}");
}
