//! The signatures of an image in this server's own store, and what the gate makes of it.

use std::sync::Arc;

use findings::Report;
use gate::Revoked;
use gate::evidence::{Evidence, Subject, judge_signatures};
use image::Digest;
use keys::PublicKey;
use serde::Serialize;
use store::Store;
use store::repositories::ManifestRow;
use time::OffsetDateTime;
use trust::{Format, SignatureSource, StoredSignatures};

use crate::Catalog;
use crate::failure::Failure;
use crate::images::PlatformImage;

/// The artifact types of manifests that carry a signature. Those of cosign before version 3 lie under a tag.
const REFERRERS: [(Format, &str); 2] =
    [(Format::Bundle, trust::bundle::MEDIA_TYPE), (Format::Notation, trust::notation::ARTIFACT_TYPE)];

/// One signature that is attached to an image. That it is there says nothing: it counts when a key of the policy made
/// it, which the gate tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Attached {
    /// The manifest that carries it.
    pub(crate) digest: Digest,
    /// Its form, in the words of policies.
    pub(crate) format: &'static str,
    /// When it was pushed, RFC 3339.
    pub(crate) pushed_at: String,
}

/// The signatures attached to a manifest.
pub(crate) async fn attached(catalog: &Catalog, repository: &str, subject: &Digest) -> Result<Vec<Attached>, Failure> {
    let mut all = Vec::new();
    for (format, artifact_type) in REFERRERS {
        let rows = catalog.store.referrers(repository, subject, Some(artifact_type)).await?;
        let attached =
            |row: ManifestRow| Attached { digest: row.digest, format: format.as_str(), pushed_at: row.pushed_at };
        all.extend(rows.into_iter().map(attached));
    }
    if let Some(digest) = catalog.store.tag(repository, &trust::cosign_tag::tag(subject)).await?
        && let Some(row) = catalog.store.manifest(repository, &digest).await?
    {
        all.push(Attached { digest, format: Format::CosignTag.as_str(), pushed_at: row.pushed_at });
    }
    Ok(all)
}

/// What lists show of an image's signatures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Standing {
    /// How many are attached to the image or to the index that it was reached through.
    pub(crate) signatures: u64,
    /// Whether they are what the policy wants; nothing where no rule of it asks who signed.
    pub(crate) trusted: Option<bool>,
}

impl Standing {
    /// Of what a tag points to: `images` by themselves, or through the index `top`. It is trusted when all are.
    pub(crate) async fn of(
        catalog: &Catalog,
        repository: &str,
        tag: Option<&str>,
        top: &Digest,
        images: &[PlatformImage],
    ) -> Result<Self, Failure> {
        let mut subjects = vec![top.clone()];
        subjects.extend(images.iter().map(|image| image.digest.clone()).filter(|digest| digest != top));
        let mut signatures = 0;
        for (_, artifact_type) in REFERRERS {
            let counts = catalog.store.referrer_counts(repository, &subjects, artifact_type).await?;
            signatures += counts.iter().map(|(_, count)| u64::try_from(*count).unwrap_or(0)).sum::<u64>();
        }
        for subject in &subjects {
            signatures += u64::from(catalog.store.tag(repository, &trust::cosign_tag::tag(subject)).await?.is_some());
        }
        let name = catalog.full_name(repository);
        if catalog.policy.needs(&name).signers.is_empty() || images.is_empty() {
            return Ok(Self { signatures, trusted: None });
        }
        // Without any there is nothing to check.
        let mut trusted = signatures > 0;
        for image in images.iter().take_while(|_| signatures > 0) {
            let index = Some(top.clone()).filter(|top| *top != image.digest);
            let subject =
                Subject { repository: name.clone(), digest: image.digest.clone(), index, tag: tag.map(str::to_owned) };
            let evidence = Known::new(catalog, repository, Err("not asked for".to_owned()));
            let judgement = judge_signatures(&catalog.policy, &subject, &evidence, OffsetDateTime::now_utc()).await;
            trusted &= judgement.all_met();
        }
        Ok(Self { signatures, trusted: Some(trusted) })
    }
}

/// What is known of an image here.
pub(crate) struct Known {
    signatures: Arc<StoredSignatures>,
    store: Store,
    report: Result<Report, String>,
}

impl Known {
    /// `report` says why, where there is none.
    pub(crate) fn new(catalog: &Catalog, repository: &str, report: Result<Report, String>) -> Self {
        let store = catalog.store.clone();
        let signatures = StoredSignatures::new(store.clone(), repository).named(catalog.full_name(repository));
        Self { signatures: Arc::new(signatures), store, report }
    }
}

impl Evidence for Known {
    fn signatures(&self) -> Arc<dyn SignatureSource + Send + Sync> {
        self.signatures.clone()
    }

    async fn revoked(&self, keys: Vec<PublicKey>) -> Result<Revoked, String> {
        // Whether it has ended is for the gate to say.
        let known = trust::revocation::stored(&self.store, &keys, OffsetDateTime::now_utc()).await;
        known.map(|known| known.list.into()).map_err(|error| error.to_string())
    }

    async fn report(&self, _image: &Digest) -> Result<Report, String> {
        self.report.clone()
    }
}
