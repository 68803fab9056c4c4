//! The signature bundles that refer to an image in this server's own store.

use std::collections::HashMap;
use std::sync::Arc;

use findings::Report;
use gate::evidence::Evidence;
use image::Digest;
use image::source::{Document, MANIFEST_BYTES};
use serde::Serialize;
use trust::{SignatureSource, TrustError};

use crate::Catalog;
use crate::failure::Failure;
use crate::images::read;

/// The artifact type, and the layer's media type, of a Sigstore bundle as cosign 3 writes it.
pub(crate) const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A bundle with one signature has some 1,500 bytes.
const MOST_BYTES: u64 = 1 << 20;
/// Whoever may push may attach as many as they like; so many are read.
const MOST_BUNDLES: usize = 100;

/// One signature that is attached to an image. That it is there says nothing: it counts when a key of the policy made
/// it, which the gate tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Attached {
    /// The manifest that carries it.
    pub(crate) digest: Digest,
    /// When it was pushed, RFC 3339.
    pub(crate) pushed_at: String,
}

/// What is known of an image when the gate asks, collected beforehand.
pub(crate) struct Collected {
    bundles: Arc<Bundles>,
    report: Result<Report, String>,
}

#[derive(Debug, Default)]
struct Bundles {
    by_subject: HashMap<Digest, Vec<Vec<u8>>>,
}

/// The signatures attached to a manifest.
pub(crate) async fn attached(catalog: &Catalog, repository: &str, subject: &Digest) -> Result<Vec<Attached>, Failure> {
    let rows = catalog.store.referrers(repository, subject, Some(BUNDLE)).await?;
    Ok(rows.into_iter().map(|row| Attached { digest: row.digest, pushed_at: row.pushed_at }).collect())
}

impl Collected {
    /// Reads the bundles that are attached to an image and to the indexes above it.
    pub(crate) async fn new(
        catalog: &Catalog,
        attached: Vec<(Digest, Vec<Attached>)>,
        report: Result<Report, String>,
    ) -> Result<Self, Failure> {
        let store = catalog.store.clone();
        let bundles = tokio::task::spawn_blocking(move || {
            let mut bundles = Bundles::default();
            for (subject, attached) in attached {
                let read = attached.iter().take(MOST_BUNDLES).filter_map(|one| bundle(&store, &one.digest).transpose());
                bundles.by_subject.insert(subject, read.collect::<Result<_, _>>()?);
            }
            Ok::<_, store::StoreError>(bundles)
        })
        .await??;
        Ok(Self { bundles: Arc::new(bundles), report })
    }
}

/// The bundle's bytes; `None` where the manifest or the blob is not what it should be.
fn bundle(store: &store::Store, manifest: &Digest) -> Result<Option<Vec<u8>>, store::StoreError> {
    let Some(bytes) = read(store, manifest, MANIFEST_BYTES)? else { return Ok(None) };
    let Ok(Document::Manifest(document)) = Document::parse(&bytes, None, manifest.as_str()) else { return Ok(None) };
    let layer = document.layers().iter().find(|layer| AsRef::<str>::as_ref(layer.media_type()) == BUNDLE);
    let Some(blob) = layer.and_then(|layer| layer.digest().as_ref().parse().ok()) else { return Ok(None) };
    Ok(read(store, &blob, MOST_BYTES)?.map(image::Verified::into_bytes))
}

impl Evidence for Collected {
    fn signatures(&self) -> Arc<dyn SignatureSource + Send + Sync> {
        Arc::clone(&self.bundles) as Arc<dyn SignatureSource + Send + Sync>
    }

    async fn report(&self, _image: &Digest) -> Result<Report, String> {
        self.report.clone()
    }
}

impl SignatureSource for Bundles {
    fn bundles(&self, image: &Digest) -> Result<Vec<Result<Vec<u8>, TrustError>>, TrustError> {
        Ok(self.by_subject.get(image).cloned().unwrap_or_default().into_iter().map(Ok).collect())
    }
}
