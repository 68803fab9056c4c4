//! What is done apart from requests: reports of images that wait for one, reports that a newer advisory index made
//! stale, uploads that were left lying.

use std::io::Read as _;
use std::time::Duration;

use image::{Digest, Verified};
use store::reports::PendingRow;
use store::{Blobs, StoreError};
use time::OffsetDateTime;
use time::macros::format_description;
use tokio::task::JoinSet;

use crate::desk::{Summary, Unsettled};
use crate::error::{Code, Refusal};
use crate::manifest::{MOST_BYTES, Manifest};
use crate::registry::Registry;

/// Images that are looked up at once.
const BATCH: u32 = 100;

impl Registry {
    /// Starts what is done apart from requests, until the set is dropped.
    pub fn start_background(&self) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let registry = self.clone();
        tasks.spawn(async move { sweep(&registry).await });
        let registry = self.clone();
        tasks.spawn(async move { catch_up(&registry).await });
        tasks
    }
}

/// Throws away uploads that were left lying.
async fn sweep(registry: &Registry) {
    let idle = registry.settings.upload_idle;
    let mut tick = tokio::time::interval((idle / 4).clamp(Duration::from_millis(50), Duration::from_mins(1)));
    loop {
        tick.tick().await;
        let uploads = std::sync::Arc::clone(&registry.uploads);
        // Deleting a large file takes a while.
        match tokio::task::spawn_blocking(move || uploads.sweep(idle)).await {
            Ok(0) => {}
            Ok(swept) => tracing::info!(swept, "uploads that lay idle were thrown away"),
            Err(error) => tracing::error!(%error, "uploads could not be swept"),
        }
    }
}

/// At the start and whenever another advisory index answers: makes the reports that are missing or stale.
async fn catch_up(registry: &Registry) {
    let mut seen: Option<Option<String>> = None;
    let mut tick = tokio::time::interval(registry.settings.index_poll);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let cataloguing = std::sync::Arc::clone(&registry.cataloguing);
        let index = match tokio::task::spawn_blocking(move || cataloguing.index()).await {
            Ok(Ok(index)) => index,
            Ok(Err(reason)) => {
                tracing::warn!(reason, "the advisory index cannot be asked which it is");
                continue;
            }
            Err(error) => {
                tracing::error!(%error, "the advisory index could not be looked at");
                continue;
            }
        };
        if seen.as_ref() == Some(&index) {
            continue;
        }
        if let Err(error) = missing_reports(registry).await {
            tracing::error!(%error, "images without a report could not be looked for");
        }
        if let Some(index) = &index
            && let Err(error) = stale_reports(registry, index).await
        {
            tracing::error!(%error, "stale reports could not be looked for");
        }
        seen = Some(index);
    }
}

async fn missing_reports(registry: &Registry) -> Result<(), StoreError> {
    let mut last = None;
    loop {
        let images = registry.store.images_without_report(last.as_ref(), BATCH).await?;
        for image in &images {
            let settled = match layers_of(registry, image).await {
                Ok(Some(layers)) => registry.desk.settle(&layers, None).await,
                // An attestation or an old signature: the rows tell it from an image by its config alone.
                Ok(None) => continue,
                Err(reason) => Err(Unsettled::Failed(reason)),
            };
            report(registry, image, settled).await;
        }
        match images.into_iter().last() {
            Some(image) => last = Some(image),
            None => return Ok(()),
        }
    }
}

async fn stale_reports(registry: &Registry, index: &str) -> Result<(), StoreError> {
    loop {
        let images = registry.store.stale_reports(index, BATCH).await?;
        let mut made = 0;
        for image in &images {
            match registry.cataloguing.report(image).await {
                Ok(Some(_)) => made += 1,
                Ok(None) => {}
                Err(reason) => tracing::warn!(%image, reason, "a report could not be made anew"),
            }
        }
        // Those that cannot be made anew come back with every batch; when nothing else does, this is the end.
        if made == 0 {
            return Ok(());
        }
        tracing::info!(made, index, "reports were made anew with another advisory index");
    }
}

/// Makes the report of an image that was just pushed. Where its layers take too long it is made later.
pub(crate) async fn report_push(
    registry: &Registry,
    image: &Digest,
    layers: &[Digest],
    settled: Result<(), Unsettled>,
) -> Option<Summary> {
    let late = matches!(settled, Err(Unsettled::Late(_)));
    let summary = report(registry, image, settled).await;
    if late {
        let (registry, image, layers) = (registry.clone(), image.clone(), layers.to_vec());
        tokio::spawn(async move {
            let settled = registry.desk.settle(&layers, None).await;
            report(&registry, &image, settled).await;
        });
    }
    summary
}

/// Makes an image's report where its layers are settled; else, and where that fails, says that it waits and why.
async fn report(registry: &Registry, image: &Digest, settled: Result<(), Unsettled>) -> Option<Summary> {
    let reason = match settled {
        Err(unsettled) => unsettled.to_string(),
        Ok(()) => match registry.cataloguing.report(image).await {
            Ok(Some(summary)) => return Some(summary),
            Ok(None) => "a layer's record is missing".to_owned(),
            Err(reason) => reason,
        },
    };
    tracing::warn!(%image, reason, "an image waits for its report");
    let pending = PendingRow { image: image.clone(), reason, since: now() };
    if let Err(error) = registry.store.put_pending(&pending).await {
        tracing::error!(%image, %error, "cannot keep that an image waits for its report");
    }
    None
}

/// The layers of a stored manifest; `None` where it is no container image.
async fn layers_of(registry: &Registry, image: &Digest) -> Result<Option<Vec<Digest>>, String> {
    let (blobs, digest) = (registry.store.blobs().clone(), image.clone());
    let read = tokio::task::spawn_blocking(move || read_manifest(&blobs, &digest)).await;
    let bytes = read.map_err(|error| error.to_string())?.map_err(|refusal| refusal.message().to_owned())?;
    let bytes = bytes.ok_or_else(|| "its manifest is not in the store".to_owned())?;
    let manifest = Manifest::parse(&bytes, None).or_else(|_| {
        // A manifest may leave its type to the header that it was pushed with.
        Manifest::parse(&bytes, Some(crate::manifest::MediaType::Manifest.as_str()))
    });
    Ok(manifest.map_err(|refusal| refusal.message().to_owned())?.layers)
}

/// A stored manifest, checked against its digest. Blocks.
pub(crate) fn read_manifest(blobs: &Blobs, digest: &Digest) -> Result<Option<Verified>, Refusal> {
    let Some(file) = blobs.open(digest)? else { return Ok(None) };
    let mut bytes = Vec::new();
    let broken = |error: &(dyn std::error::Error + 'static)| {
        tracing::error!(%digest, error, "a stored manifest cannot be read");
        Refusal::new(Code::Internal, "the registry could not read the manifest; its log says why")
    };
    file.take(MOST_BYTES as u64).read_to_end(&mut bytes).map_err(|error| broken(&error))?;
    Verified::check(bytes, digest, "the stored manifest").map(Some).map_err(|error| broken(&error))
}

/// Now, as it is kept: RFC 3339 with a fixed number of digits, so that texts sort as times do.
pub(crate) fn now() -> String {
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");
    // Formatting a time of this millennium cannot fail.
    OffsetDateTime::now_utc().format(form).unwrap_or_default()
}
