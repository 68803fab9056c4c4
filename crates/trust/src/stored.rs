//! The signature bundles of an image in the server's own store.

use std::fmt;
use std::io::Read as _;

use image::Digest;
use image::client::Referrer;
use image::source::MANIFEST_BYTES;
use store::Store;
use store::repositories::ManifestRow;
use tokio::runtime::Handle;
use tokio::task;

use crate::source::{BUNDLES, bundle_of, is_promising};
use crate::{SignatureSource, TrustError, bundle};

/// Reads the bundles that lie in a repository of the store.
pub async fn bundles(
    store: &Store,
    repository: &str,
    image: &Digest,
) -> Result<Vec<Result<Vec<u8>, TrustError>>, TrustError> {
    let rows = store.referrers(repository, image, Some(bundle::MEDIA_TYPE)).await?;
    let manifests: Vec<Digest> =
        rows.into_iter().map(referrer).filter(is_promising).take(BUNDLES).map(|referrer| referrer.digest).collect();
    let (store, image) = (store.clone(), image.clone());
    let read = move || manifests.iter().map(|manifest| read(&store, manifest, &image)).collect();
    Ok(task::spawn_blocking(read).await.unwrap_or_else(|cause| {
        vec![Err(TrustError::Bundle { name: "in the store".into(), reason: format!("reading them ended: {cause}") })]
    }))
}

/// [`bundles`] as a source, for a [`crate::Verifier`] that runs on a thread of its own.
#[derive(Clone)]
pub struct StoredSignatures {
    store: Store,
    repository: String,
    runtime: Handle,
}

impl StoredSignatures {
    /// Looks in `repository`. Must be called inside a runtime; what it gives must be used on a thread on which one may
    /// block (`spawn_blocking`), for it waits for the database there.
    pub fn new(store: Store, repository: impl Into<String>) -> Self {
        Self { store, repository: repository.into(), runtime: Handle::current() }
    }
}

impl SignatureSource for StoredSignatures {
    fn bundles(&self, image: &Digest) -> Result<Vec<Result<Vec<u8>, TrustError>>, TrustError> {
        self.runtime.block_on(bundles(&self.store, &self.repository, image))
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

fn read(store: &Store, manifest: &Digest, image: &Digest) -> Result<Vec<u8>, TrustError> {
    let bundle = bundle_of(&blob(store, manifest, MANIFEST_BYTES)?, image, manifest)?;
    blob(store, &bundle, bundle::LIMIT)
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
