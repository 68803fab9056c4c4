//! The images behind a manifest, and how far each is known.

use std::collections::HashMap;
use std::io::Read;

use image::source::{Document, MANIFEST_BYTES, is_layer};
use image::{Digest, Platform, Verified};
use serde::Serialize;

use crate::Catalog;
use crate::counts::Counts;
use crate::failure::Failure;

/// One platform's image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct PlatformImage {
    /// Its manifest.
    pub(crate) digest: Digest,
    /// `linux/arm64`; none where the manifest was pushed without an index that says it.
    pub(crate) platform: Option<String>,
    /// How far it is known.
    #[serde(flatten)]
    pub(crate) knowledge: Knowledge,
}

/// How far an image is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub(crate) enum Knowledge {
    /// There is a report.
    Scanned(Summary),
    /// There is none yet.
    Pending {
        /// Why.
        reason: String,
        /// Since when, RFC 3339.
        since: Option<String>,
    },
    /// It holds something else than software that runs: a signature, a chart.
    NotAnImage,
}

/// What lists show of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Summary {
    pub(crate) counts: Counts,
    pub(crate) worst: Option<&'static str>,
    pub(crate) fixable: u64,
    pub(crate) uncovered: u64,
    pub(crate) scanned_at: String,
    /// Whether another advisory index answered than the one that is loaded now.
    pub(crate) outdated: bool,
}

impl PlatformImage {
    /// The report's summary, where there is one.
    pub(crate) fn scanned(&self) -> Option<&Summary> {
        match &self.knowledge {
            Knowledge::Scanned(scanned) => Some(scanned),
            _ => None,
        }
    }
}

/// What a manifest's digest stands for.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    /// The images; more than one for an index, none for what is no image.
    pub(crate) images: Vec<(Digest, Option<String>)>,
    /// Whether it is an index.
    pub(crate) is_index: bool,
}

/// Reads a manifest of a repository; `None` where the repository has no such.
pub(crate) async fn manifest(
    catalog: &Catalog,
    repository: &str,
    digest: &Digest,
) -> Result<Option<Manifest>, Failure> {
    let Some(row) = catalog.store.manifest(repository, digest).await? else { return Ok(None) };
    let nothing = Manifest { images: vec![], is_index: false };
    if !(row.media_type.contains("manifest") || row.media_type.contains("index")) || row.subject.is_some() {
        return Ok(Some(nothing));
    }
    let (store, wanted) = (catalog.store.clone(), digest.clone());
    let bytes = tokio::task::spawn_blocking(move || read(&store, &wanted, MANIFEST_BYTES)).await??;
    // A manifest that cannot be read any more is shown as what it is worth: no image. The registry's own checks tell.
    let Some(Ok(document)) = bytes.map(|bytes| Document::parse(&bytes, Some(&row.media_type), digest.as_str())) else {
        return Ok(Some(nothing));
    };
    Ok(Some(match document {
        Document::Index(index) => {
            let images = index.manifests().iter().filter_map(|entry| {
                let platform = entry.platform().as_ref().map(Platform::from);
                // BuildKit's attestations stand in the index as images of no platform.
                if platform.as_ref().is_some_and(|platform| platform.os == "unknown") {
                    return None;
                }
                let digest = entry.digest().as_ref().parse().ok()?;
                Some((digest, platform.map(|platform| platform.to_string())))
            });
            Manifest { images: images.collect(), is_index: true }
        }
        Document::Manifest(manifest)
            if is_software(manifest.config().media_type().as_ref())
                && manifest.layers().iter().all(|layer| is_layer(layer.media_type().as_ref())) =>
        {
            Manifest { images: vec![(digest.clone(), None)], is_index: false }
        }
        Document::Manifest(_) => nothing,
    }))
}

/// Whether a config's media type is that of something that runs.
fn is_software(config: &str) -> bool {
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"].contains(&config)
}

/// A blob of at most `most` bytes, checked against its digest; `None` where it is not there, is larger or was changed.
fn read(store: &store::Store, digest: &Digest, most: u64) -> Result<Option<Verified>, store::StoreError> {
    let Some(file) = store.blobs().open(digest)? else { return Ok(None) };
    let mut bytes = Vec::new();
    if file.take(most + 1).read_to_end(&mut bytes).is_err() || bytes.len() as u64 > most {
        return Ok(None);
    }
    Ok(Verified::check(bytes, digest, "a kept blob").ok())
}

/// How far each of these images is known.
pub(crate) async fn knowledge(
    catalog: &Catalog,
    images: &[(Digest, Option<String>)],
) -> Result<Vec<PlatformImage>, Failure> {
    let digests: Vec<Digest> = images.iter().map(|(digest, _)| digest.clone()).collect();
    let present = catalog.advisories.identity().map(|identity| identity.id);
    let mut reports: HashMap<Digest, Summary> = HashMap::new();
    for row in catalog.store.report_summaries(&digests).await? {
        let counts = Counts::from_row(row.counts);
        let scanned = Summary {
            counts,
            worst: counts.worst().map(crate::counts::word),
            fixable: u64::try_from(row.fixable).unwrap_or(0),
            uncovered: u64::try_from(row.uncovered).unwrap_or(0),
            scanned_at: row.scanned_at,
            outdated: present.as_ref().is_some_and(|present| *present != row.index_id),
        };
        reports.insert(row.image, scanned);
    }
    let mut known = Vec::with_capacity(images.len());
    for (digest, platform) in images {
        let knowledge = match reports.get(digest) {
            Some(scanned) => Knowledge::Scanned(scanned.clone()),
            None => pending(catalog, digest).await?,
        };
        known.push(PlatformImage { digest: digest.clone(), platform: platform.clone(), knowledge });
    }
    Ok(known)
}

async fn pending(catalog: &Catalog, digest: &Digest) -> Result<Knowledge, Failure> {
    Ok(match catalog.store.pending(digest).await? {
        Some(row) => Knowledge::Pending { reason: row.reason, since: Some(row.since) },
        None => Knowledge::Pending {
            reason: "it was not scanned yet; the server does so by itself when its layers are catalogued".into(),
            since: None,
        },
    })
}
