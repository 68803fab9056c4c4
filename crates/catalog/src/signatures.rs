//! The signatures of an image in this server's own store, and what the gate makes of it.

use std::sync::Arc;

use findings::Report;
use gate::evidence::Evidence;
use image::Digest;
use serde::Serialize;
use trust::{SignatureSource, StoredSignatures};

use crate::Catalog;
use crate::failure::Failure;

/// The artifact type of a manifest that carries a Sigstore bundle.
pub(crate) const BUNDLE: &str = trust::bundle::MEDIA_TYPE;

/// One signature that is attached to an image. That it is there says nothing: it counts when a key of the policy made
/// it, which the gate tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Attached {
    /// The manifest that carries it.
    pub(crate) digest: Digest,
    /// When it was pushed, RFC 3339.
    pub(crate) pushed_at: String,
}

/// The signatures attached to a manifest.
pub(crate) async fn attached(catalog: &Catalog, repository: &str, subject: &Digest) -> Result<Vec<Attached>, Failure> {
    let rows = catalog.store.referrers(repository, subject, Some(BUNDLE)).await?;
    Ok(rows.into_iter().map(|row| Attached { digest: row.digest, pushed_at: row.pushed_at }).collect())
}

/// What is known of an image here.
pub(crate) struct Known {
    signatures: Arc<StoredSignatures>,
    report: Result<Report, String>,
}

impl Known {
    /// `report` says why, where there is none.
    pub(crate) fn new(catalog: &Catalog, repository: &str, report: Result<Report, String>) -> Self {
        Self { signatures: Arc::new(StoredSignatures::new(catalog.store.clone(), repository)), report }
    }
}

impl Evidence for Known {
    fn signatures(&self) -> Arc<dyn SignatureSource + Send + Sync> {
        self.signatures.clone()
    }

    async fn report(&self, _image: &Digest) -> Result<Report, String> {
        self.report.clone()
    }
}
