//! Images made for tests, and how they are pushed by hand.

use std::io::Write as _;
use std::net::SocketAddr;

use ::image::Digest;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::http::{Answer, request};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A whole image in memory.
pub(crate) struct TestImage {
    pub(crate) config: Vec<u8>,
    pub(crate) layers: Vec<Vec<u8>>,
    pub(crate) manifest: Vec<u8>,
}

/// A gzipped layer with one file.
pub(crate) fn layer(name: &str, content: &[u8]) -> Vec<u8> {
    gzip(&tar(name, content))
}

pub(crate) fn tar(name: &str, content: &[u8]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, name, content).unwrap();
    builder.into_inner().unwrap()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Bytes that do not compress, the same every time.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    (0..length).map(|_| byte()).collect()
}

pub(crate) fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": Digest::sha256(bytes), "size": bytes.len() })
}

impl TestImage {
    /// An image of two layers for an architecture.
    pub(crate) fn new(architecture: &str) -> Self {
        let tars = [tar("etc/base", b"base"), tar("etc/app", &[architecture.as_bytes(), &noise(200_000)].concat())];
        let diff_ids: Vec<Digest> = tars.iter().map(|tar| Digest::sha256(tar)).collect();
        let config = json!({
            "architecture": architecture,
            "os": "linux",
            "config": { "Cmd": ["/bin/true"] },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
            "history": [{ "created_by": "base" }, { "created_by": "app" }],
        });
        Self::of(config.to_string().into_bytes(), tars.iter().map(|tar| gzip(tar)).collect())
    }

    pub(crate) fn of(config: Vec<u8>, layers: Vec<Vec<u8>>) -> Self {
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(CONFIG, &config),
            "layers": layers.iter().map(|bytes| descriptor(LAYER, bytes)).collect::<Vec<_>>(),
        });
        Self { config, layers, manifest: manifest.to_string().into_bytes() }
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest::sha256(&self.manifest)
    }

    pub(crate) fn blobs(&self) -> impl Iterator<Item = &Vec<u8>> {
        std::iter::once(&self.config).chain(&self.layers)
    }

    /// Pushes everything and answers the manifest's answer.
    pub(crate) fn push(&self, server: SocketAddr, repository: &str, reference: &str) -> Answer {
        for blob in self.blobs() {
            let answer = push_blob(server, repository, blob);
            assert_eq!(answer.status, 201, "{answer:?}");
        }
        put_manifest(server, repository, reference, MANIFEST, &self.manifest)
    }
}

/// A blob in one request.
pub(crate) fn push_blob(server: SocketAddr, repository: &str, bytes: &[u8]) -> Answer {
    let path = format!("/v2/{repository}/blobs/uploads/?digest={}", Digest::sha256(bytes));
    request(server, "POST", &path, &[("Content-Type", "application/octet-stream")], bytes)
}

pub(crate) fn put_manifest(
    server: SocketAddr,
    repository: &str,
    reference: &str,
    media_type: &str,
    bytes: &[u8],
) -> Answer {
    let path = format!("/v2/{repository}/manifests/{reference}");
    request(server, "PUT", &path, &[("Content-Type", media_type)], bytes)
}
