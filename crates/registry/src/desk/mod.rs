//! The desk over which every layer goes: catalogued while it arrives, or afterwards from the stored file.
//!
//! A cataloguer that fails, is killed or panics costs the record of its layer. It never costs the push.

mod background;
mod cataloguing;
mod sniff;

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use image::Digest;
use inventory::LayerRecord;
use store::Store;
use store::blobs::Incoming;
use thiserror::Error;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

pub use self::cataloguing::{Answer, Catalogued, Cataloguing, Summary};

use self::background::Background;
use self::sniff::Sniffed;
use crate::Settings;

/// A layer that is being catalogued while it arrives. `None`: it is no layer.
#[derive(Debug)]
pub(crate) struct Live {
    work: Background<Result<Option<Catalogued>, String>>,
}

/// The desk of a server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Desk {
    store: Store,
    cataloguing: Arc<dyn Cataloguing>,
    live: Arc<Semaphore>,
    stored: Arc<Semaphore>,
    under_way: Arc<Mutex<HashMap<Digest, watch::Receiver<Outcome>>>>,
}

/// Why not every layer of an image has its record.
#[derive(Debug, Error)]
pub(crate) enum Unsettled {
    /// It is still being made.
    #[error("layer {0} is still being catalogued")]
    Late(Digest),
    /// It could not be made.
    #[error("{0}")]
    Failed(String),
}

/// How far a layer is: `None` while it is under way.
type Outcome = Option<Result<(), String>>;

impl Desk {
    pub(crate) fn new(store: Store, cataloguing: Arc<dyn Cataloguing>, settings: &Settings) -> Self {
        Self {
            store,
            cataloguing,
            live: Arc::new(Semaphore::new(settings.live_cataloguing)),
            stored: Arc::new(Semaphore::new(settings.stored_cataloguing)),
            under_way: Arc::default(),
        }
    }

    /// Starts to catalogue what arrives, where there is room for one more. Whether it is a layer at all shows in its
    /// first bytes.
    pub(crate) fn follow(&self, incoming: &Incoming) -> Option<Live> {
        let permit = Arc::clone(&self.live).try_acquire_owned().ok()?;
        let follower = match incoming.follow() {
            Ok(follower) => follower,
            Err(error) => {
                tracing::warn!(%error, "cannot follow an upload; it is catalogued when it is stored");
                return None;
            }
        };
        let cataloguing = Arc::clone(&self.cataloguing);
        let started = Background::start("catalogue", move || {
            let _permit = permit;
            catalogue(cataloguing.as_ref(), follower)
        });
        match started {
            Ok(work) => Some(Live { work }),
            Err(error) => {
                tracing::warn!(%error, "no thread to follow an upload; it is catalogued when it is stored");
                None
            }
        }
    }

    /// Takes over a blob that is stored now: keeps the record that was made while it arrived, or has it made.
    pub(crate) fn adopt(&self, blob: &Digest, live: Option<Live>) {
        let desk = self.clone();
        let digest = blob.clone();
        self.announce(blob, async move {
            let Some(live) = live else { return desk.catalogue_stored(&digest).await };
            match live.work.outcome().await {
                Ok(Ok(Some(catalogued))) => desk.keep(&digest, &catalogued).await,
                Ok(Ok(None)) => Ok(()),
                Ok(Err(reason)) => Err(reason),
                Err(error) => Err(format!("the cataloguer failed: {error}")),
            }
        });
    }

    /// Sees to it that every layer has its record, and waits for that until `deadline` (`None`: as long as it takes).
    /// What fails here was tried from the stored file just now.
    pub(crate) async fn settle(&self, layers: &[Digest], deadline: Option<Instant>) -> Result<(), Unsettled> {
        for layer in layers {
            let settled = self.settle_one(layer);
            let result = match deadline {
                None => settled.await,
                Some(deadline) => {
                    let Ok(result) = tokio::time::timeout_at(deadline, settled).await else {
                        return Err(Unsettled::Late(layer.clone()));
                    };
                    result
                }
            };
            result.map_err(|reason| Unsettled::Failed(format!("layer {layer}: {reason}")))?;
        }
        Ok(())
    }

    async fn settle_one(&self, layer: &Digest) -> Result<(), String> {
        // What is under way now may fail (a killed worker); then it is tried once more from the stored file.
        if let Some(mut under_way) = self.under_way(layer) {
            let _ = under_way.wait_for(Option::is_some).await;
        }
        if self.cataloguing.knows(layer).await? {
            return Ok(());
        }
        let mut again = self.under_way(layer).unwrap_or_else(|| {
            let (desk, digest) = (self.clone(), layer.clone());
            self.announce(layer, async move { desk.catalogue_stored(&digest).await })
        });
        let outcome = again.wait_for(Option::is_some).await.map_err(|_| "its cataloguing was given up".to_owned())?;
        outcome.clone().unwrap_or(Ok(()))
    }

    /// Runs `work` apart from the request that wanted it, and lets others wait for its outcome.
    fn announce(
        &self,
        blob: &Digest,
        work: impl Future<Output = Result<(), String>> + Send + 'static,
    ) -> watch::Receiver<Outcome> {
        let (sender, receiver) = watch::channel(None);
        self.lock().insert(blob.clone(), receiver.clone());
        let (desk, blob) = (self.clone(), blob.clone());
        tokio::spawn(async move {
            let outcome = work.await;
            if let Err(reason) = &outcome {
                tracing::warn!(%blob, reason, "a layer could not be catalogued");
            }
            sender.send_replace(Some(outcome));
            desk.done(&blob, &sender);
        });
        receiver
    }

    /// Takes an entry out of the list of what is under way, unless another of the same blob has taken its place.
    fn done(&self, blob: &Digest, sender: &watch::Sender<Outcome>) {
        let mut under_way = self.lock();
        if under_way.get(blob).is_some_and(|receiver| receiver.same_channel(&sender.subscribe())) {
            under_way.remove(blob);
        }
    }

    async fn catalogue_stored(&self, blob: &Digest) -> Result<(), String> {
        let _permit = self.stored.acquire().await.map_err(|error| error.to_string())?;
        if self.cataloguing.knows(blob).await? {
            return Ok(());
        }
        let (blobs, cataloguing, digest) = (self.store.blobs().clone(), Arc::clone(&self.cataloguing), blob.clone());
        let started = Background::start("catalogue", move || {
            let file = blobs.open(&digest).map_err(|error| error.to_string())?;
            let file = file.ok_or_else(|| "it is not in the store".to_owned())?;
            catalogue(cataloguing.as_ref(), file)
        });
        let work = started.map_err(|error| format!("no thread to catalogue it: {error}"))?;
        match work.outcome().await {
            Ok(Ok(Some(catalogued))) => self.keep(blob, &catalogued).await,
            Ok(Ok(None)) => Ok(()),
            Ok(Err(reason)) => Err(reason),
            Err(error) => Err(format!("the cataloguer failed: {error}")),
        }
    }

    /// Reads a stored layer once more, for what was passed by before it was known to be wanted.
    async fn read_again(&self, blob: &Digest, first: LayerRecord) -> Result<Catalogued, String> {
        let (blobs, cataloguing, digest) = (self.store.blobs().clone(), Arc::clone(&self.cataloguing), blob.clone());
        let task = tokio::task::spawn_blocking(move || {
            let file = blobs.open(&digest).map_err(|error| error.to_string())?;
            let file = file.ok_or_else(|| "it is not in the store".to_owned())?;
            cataloguing.catalogue_again(Box::new(file), &first)
        });
        task.await.map_err(|error| format!("the cataloguer failed: {error}"))?
    }

    async fn keep(&self, blob: &Digest, catalogued: &Catalogued) -> Result<(), String> {
        let again;
        let catalogued = if catalogued.record.passed_by.is_empty() {
            catalogued
        } else {
            again = self.read_again(blob, catalogued.record.clone()).await?;
            &again
        };
        let sha256 = blob.algorithm() == image::digest::Algorithm::Sha256;
        if sha256 && catalogued.walked.blob != *blob {
            return Err(format!("its bytes have digest {}; the stored file has gone bad", catalogued.walked.blob));
        }
        self.cataloguing.keep(catalogued).await?;
        if !sha256 {
            // The walk names blobs by SHA-256. These bytes matched both digests.
            let diff_id = &catalogued.walked.diff_id;
            self.store.put_diff_id(blob, diff_id).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn under_way(&self, blob: &Digest) -> Option<watch::Receiver<Outcome>> {
        self.lock().get(blob).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, watch::Receiver<Outcome>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Desk").field("under_way", &self.lock().len()).finish_non_exhaustive()
    }
}

/// When a wait that begins now ends.
pub(crate) fn deadline(wait: Duration) -> Option<Instant> {
    Instant::now().checked_add(wait)
}

/// Catalogues a stream from its first byte to its last; `None` where it is no layer.
fn catalogue(
    cataloguing: &dyn Cataloguing,
    mut input: impl Read + Send + 'static,
) -> Result<Option<Catalogued>, String> {
    match sniff::first_bytes(&mut input).map_err(|error| error.to_string())? {
        Sniffed::Layer(first) => {
            let input = std::io::Cursor::new(first).chain(input);
            cataloguing.catalogue(Box::new(input)).map(Some)
        }
        Sniffed::Other => Ok(None),
    }
}
