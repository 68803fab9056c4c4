//! Small artifacts that lie beside an image: one blob in a manifest whose subject is the image.

use std::collections::BTreeMap;

use image::client::{Client, Referrer};
use image::{Digest, Verified};
use serde_json::json;

use crate::{Subject, TrustError};

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
/// The config of an artifact that has none (OCI image-spec, "Guidance for an Empty Descriptor").
pub(crate) const EMPTY: &[u8] = b"{}";

/// An artifact to be written.
#[derive(Clone, Debug)]
pub(crate) struct Artifact {
    /// What it is.
    pub(crate) kind: String,
    /// What its blob is.
    pub(crate) media_type: String,
    /// Its blob.
    pub(crate) bytes: Vec<u8>,
    /// Annotations of the manifest.
    pub(crate) annotations: BTreeMap<String, String>,
}

/// Where something was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// The manifest that holds it.
    pub manifest: Digest,
    /// Whether the registry lists it by itself; else it was listed under the fallback tag.
    pub is_listed: bool,
}

impl Artifact {
    /// Writes it as a referrer of `subject`.
    pub(crate) fn attach(self, client: &Client, subject: &Subject) -> Result<Written, TrustError> {
        let Subject { reference, digest, .. } = subject;
        let blob = Digest::sha256(&self.bytes);
        let empty = Digest::sha256(EMPTY);
        for (digest, bytes) in [(&empty, EMPTY), (&blob, &self.bytes)] {
            client.push_blob(reference, digest, bytes.len() as u64, &mut &bytes[..])?;
        }
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": self.kind,
            "config": { "mediaType": EMPTY_TYPE, "digest": empty, "size": EMPTY.len(), "data": "e30=" },
            "layers": [{ "mediaType": self.media_type, "digest": blob, "size": self.bytes.len() }],
            "annotations": self.annotations,
            "subject": { "mediaType": subject.media_type, "digest": digest, "size": subject.size },
        });
        let manifest = Verified::name(manifest.to_string().into_bytes());
        let referrer = Referrer {
            digest: manifest.digest().clone(),
            size: manifest.len() as u64,
            media_type: MANIFEST.into(),
            artifact_type: Some(self.kind),
            annotations: self.annotations,
        };
        let pushed = client.push_referrer(reference, digest, &referrer, &manifest)?;
        Ok(Written { manifest: referrer.digest, is_listed: pushed.knows_referrers })
    }
}
