//! An image to push.

use std::io::Cursor;

use image::client::Client;
use image::{Digest, Reference, Verified};
use serde_json::json;

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

pub(crate) fn push_bytes(client: &Client, place: &Reference, bytes: &[u8]) -> Digest {
    let digest = Digest::sha256(bytes);
    client.push_blob(place, &digest, bytes.len() as u64, &mut Cursor::new(bytes.to_vec())).unwrap();
    digest
}

/// An image of two layers, for two platforms, in an index.
pub(crate) fn push_image(client: &Client, place: &Reference, layers: &[Vec<u8>; 2]) -> Digest {
    let mut entries = Vec::new();
    for architecture in ["amd64", "arm64"] {
        let diff_ids: Vec<_> = layers.iter().map(|layer| Digest::sha256(layer)).collect();
        let config = json!({ "os": "linux", "architecture": architecture, "config": {},
            "rootfs": { "type": "layers", "diff_ids": diff_ids } });
        let config = config.to_string().into_bytes();
        let config_digest = push_bytes(client, place, &config);
        let blobs: Vec<_> = layers
            .iter()
            .map(|layer| {
                json!({ "mediaType": "application/vnd.oci.image.layer.v1.tar",
                    "digest": push_bytes(client, place, layer), "size": layer.len() })
            })
            .collect();
        let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "layers": blobs,
            "config": { "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": config_digest, "size": config.len() } });
        let manifest = Verified::name(manifest.to_string().into_bytes());
        client.push_manifest(place, None, MANIFEST, &manifest).unwrap();
        entries.push(json!({ "mediaType": MANIFEST, "digest": manifest.digest(), "size": manifest.len(),
            "platform": { "os": "linux", "architecture": architecture } }));
    }
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries });
    let index = Verified::name(index.to_string().into_bytes());
    client.push_manifest(place, place.tag.as_deref(), INDEX, &index).unwrap();
    index.digest().clone()
}
