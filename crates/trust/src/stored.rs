//! The signatures of an image in the server's own store.

use std::fmt;
use std::io::Read as _;

use image::Digest;
use image::client::Referrer;
use image::source::MANIFEST_BYTES;
use store::Store;
use store::repositories::ManifestRow;
use tokio::runtime::Handle;
use tokio::task;

use crate::registry::simple;
use crate::source::{BUNDLES, Budget, Found, is_promising, layer_of};
use crate::{SignatureSource, TrustError, cosign_tag, simple_signing};

/// Reads what lies beside an image in a repository of the store and may be a signature.
pub async fn found(
    store: &Store,
    repository: &str,
    image: &Digest,
) -> Result<Vec<Result<Found, TrustError>>, TrustError> {
    let rows = store.referrers(repository, image, None).await?;
    let manifests: Vec<Digest> =
        rows.into_iter().map(referrer).filter(is_promising).take(BUNDLES).map(|referrer| referrer.digest).collect();
    let tagged = store.tag(repository, &cosign_tag::tag(image)).await?;
    let (store, image) = (store.clone(), image.clone());
    let read = move || {
        let (mut found, mut budget) = (Vec::new(), Budget::whole());
        for manifest in &manifests {
            found.push(read(&store, manifest, &image, &mut budget));
            if let Some(error) = budget.end(&image) {
                found.push(Err(error));
                break;
            }
        }
        found.extend(tagged.iter().flat_map(|manifest| read_tagged(&store, manifest)));
        found
    };
    Ok(task::spawn_blocking(read).await.unwrap_or_else(|cause| {
        vec![Err(TrustError::Bundle { name: "in the store".into(), reason: format!("reading them ended: {cause}") })]
    }))
}

/// [`found()`] as a source, for a [`crate::Verifier`] that runs on a thread of its own.
#[derive(Clone)]
pub struct StoredSignatures {
    store: Store,
    repository: String,
    name: Option<String>,
    runtime: Handle,
}

impl StoredSignatures {
    /// Looks in `repository`. Must be called inside a runtime; what it gives must be used on a thread on which one may
    /// block (`spawn_blocking`), for it waits for the database there.
    pub fn new(store: Store, repository: impl Into<String>) -> Self {
        Self { store, repository: repository.into(), name: None, runtime: Handle::current() }
    }

    /// The same, for a server that its clients know under a name: `REGISTRY/REPOSITORY`, which cosign's older signatures
    /// must carry to count.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }
}

impl SignatureSource for StoredSignatures {
    fn repository(&self) -> Option<String> {
        self.name.clone()
    }

    fn found(&self, image: &Digest) -> Result<Vec<Result<Found, TrustError>>, TrustError> {
        self.runtime.block_on(found(&self.store, &self.repository, image))
    }
}

fn referrer(row: ManifestRow) -> Referrer {
    let annotations = row.annotations.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
    Referrer {
        digest: row.digest,
        size: row.size,
        media_type: row.media_type,
        artifact_type: row.artifact_type,
        annotations,
    }
}

fn read(store: &Store, manifest: &Digest, image: &Digest, budget: &mut Budget) -> Result<Found, TrustError> {
    let bytes = blob(store, manifest, MANIFEST_BYTES)?;
    budget.spend(bytes.len());
    let layer = layer_of(&bytes, image, manifest)?;
    let bytes = blob(store, &layer.digest, layer.limit)?;
    budget.spend(bytes.len());
    Ok(Found { manifest: manifest.clone(), content: layer.kind.content(bytes) })
}

fn read_tagged(store: &Store, manifest: &Digest) -> Vec<Result<Found, TrustError>> {
    let malformed = |reason| TrustError::Bundle { name: manifest.to_string(), reason };
    let layers = blob(store, manifest, MANIFEST_BYTES).and_then(|bytes| cosign_tag::layers(&bytes).map_err(malformed));
    let read = |layer: cosign_tag::Layer| {
        let payload = blob(store, &layer.digest, simple_signing::LIMIT)?;
        simple(manifest, &layer, payload)
    };
    match layers {
        Ok(layers) => layers.into_iter().map(read).collect(),
        Err(error) => vec![Err(error)],
    }
}

/// A blob of the store. It was checked against its digest when it came in.
fn blob(store: &Store, digest: &Digest, limit: u64) -> Result<Vec<u8>, TrustError> {
    let missing = |reason: &str| TrustError::Bundle { name: digest.to_string(), reason: reason.to_owned() };
    let file = store.blobs().open(digest)?.ok_or_else(|| missing("it is named and not there"))?;
    let mut bytes = Vec::new();
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| TrustError::Read { name: digest.to_string(), source })?;
    if bytes.len() as u64 > limit { Err(missing(&format!("it is larger than {limit} bytes"))) } else { Ok(bytes) }
}

impl fmt::Debug for StoredSignatures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StoredSignatures").field("repository", &self.repository).finish_non_exhaustive()
    }
}
