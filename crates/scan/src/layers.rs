//! A record for each layer of an image: found in the store, or made by reading the layer once.

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::Arc;

use image::layer::Walked;
use image::source::LayerMismatch;
use image::{Digest, Image, ImageSource, Layer};
use inventory::layer::{catalogue, catalogue_again, catalogue_unpacked, catalogue_unverified};
use inventory::{LayerRecord, cataloguers};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::progress::Counted;
use crate::{Options, Progress, ScanError, Scanner};

/// The records of an image's layers, base first, and how many of them had to be read.
pub(crate) struct Records {
    pub(crate) layers: Vec<LayerRecord>,
    pub(crate) read: usize,
    /// Those that were not held against their digests.
    pub(crate) unverified: Vec<usize>,
}

/// A layer's record, and what the walk computed where it was verified.
type Catalogued = (Option<Walked>, LayerRecord);

impl Scanner {
    /// The record of a layer that is known by the blob digest that its manifest names. What an archive claims of a
    /// layer's content names nothing: there the layer is read.
    pub(crate) async fn known(&self, image: &Image, index: usize) -> Result<Option<LayerRecord>, ScanError> {
        let layer = &image.layers[index];
        let Some(blob) = &layer.blob else { return Ok(None) };
        let Some(diff_id) = self.store().diff_id(blob).await? else { return Ok(None) };
        if diff_id != layer.diff_id {
            let mismatch = LayerMismatch::DiffId { expected: layer.diff_id.clone(), found: diff_id };
            return Err(changed(image, index)(mismatch));
        }
        self.record(&diff_id).await
    }

    /// A layer's record as it was kept; one that cannot be read is as good as none and will be made anew.
    pub(crate) async fn record(&self, diff_id: &Digest) -> Result<Option<LayerRecord>, ScanError> {
        let Some(bytes) = self.store().layer_record(diff_id, cataloguers::VERSION).await? else { return Ok(None) };
        match LayerRecord::from_bytes(&bytes) {
            Ok(record) if record.diff_id == *diff_id => self.whole(record).await,
            Ok(_) => {
                tracing::warn!(%diff_id, "the kept record is another layer's; it will be made anew");
                Ok(None)
            }
            Err(error) => {
                tracing::warn!(%diff_id, %error, "the kept record cannot be read; it will be made anew");
                Ok(None)
            }
        }
    }

    /// The record with what is kept beside it; none where that is not what the record says.
    async fn whole(&self, record: LayerRecord) -> Result<Option<LayerRecord>, ScanError> {
        let Some(mut parts) = record.wants_parts() else { return Ok(Some(record)) };
        let mut position = 0..;
        while !parts.is_whole() {
            let place = position.next().unwrap_or(u32::MAX);
            let Some(part) = self.store().layer_part(&record.diff_id, cataloguers::VERSION, place).await? else {
                break;
            };
            if parts.take(&part).is_err() {
                break;
            }
        }
        let diff_id = record.diff_id.clone();
        let whole = parts.complete(record);
        if let Err(error) = &whole {
            tracing::warn!(%diff_id, %error, "the kept record is not whole; it will be made anew");
        }
        Ok(whole.ok())
    }

    /// Finds or makes the record of each layer, several at once.
    pub(crate) async fn records(
        &self,
        source: &Arc<dyn ImageSource>,
        options: &Options,
        progress: &Arc<dyn Progress>,
    ) -> Result<Records, ScanError> {
        let image = source.image();
        let mut found: HashMap<usize, LayerRecord> = HashMap::new();
        let mut reading = JoinSet::new();
        let lanes = Arc::new(Semaphore::new(lanes()));
        for index in 0..image.layers.len() {
            // The same layer twice in one image is read once: empty layers repeat.
            if image.layers[..index].iter().any(|earlier| same(earlier, &image.layers[index])) {
                continue;
            }
            let known = if options.rehash { None } else { self.known(image, index).await? };
            if let Some(record) = known {
                progress.known(index);
                found.insert(index, record);
                continue;
            }
            let (scanner, source, progress) = (self.clone(), Arc::clone(source), Arc::clone(progress));
            let (lanes, unverified) = (Arc::clone(&lanes), options.unverified);
            reading.spawn(async move {
                let _lane = lanes.acquire_owned().await.map_err(|_| ScanError::Stopped)?;
                let read = tokio::task::spawn_blocking({
                    let scanner = scanner.clone();
                    move || scanner.read_layer(source.as_ref(), index, unverified, &progress)
                });
                let (walked, record) = read.await.map_err(|_| ScanError::Stopped)??;
                if let Some(walked) = &walked {
                    scanner.keep(walked, &record).await?;
                }
                Ok::<_, ScanError>((index, walked.is_some(), record))
            });
        }
        let read = reading.len();
        let mut unverified = Vec::new();
        while let Some(layer) = reading.join_next().await {
            let (index, is_verified, record) = layer.map_err(|_| ScanError::Stopped)??;
            if !is_verified {
                unverified.push(index);
            }
            found.insert(index, record);
        }
        let records = (0..image.layers.len()).filter_map(|index| {
            let first = (0..=index).find(|earlier| same(&image.layers[*earlier], &image.layers[index]))?;
            found.get(&first).cloned()
        });
        let layers = records.collect();
        unverified.sort_unstable();
        Ok(Records { layers, read, unverified })
    }

    /// Catalogues one layer; a second time where the first walk passed by what turned out to be wanted. Blocks.
    fn read_layer(
        &self,
        source: &dyn ImageSource,
        index: usize,
        unverified: bool,
        progress: &Arc<dyn Progress>,
    ) -> Result<Catalogued, ScanError> {
        let image = source.image();
        progress.started(index, image.layers[index].size);
        let mut catalogued = self.walk_layer(source, index, unverified, progress, None)?;
        if !catalogued.1.passed_by.is_empty() {
            catalogued = self.walk_layer(source, index, unverified, progress, Some(&catalogued.1))?;
        }
        // What its worker did not live to tell is unknown. A report without it would be kept, answer the next scan and
        // satisfy a policy.
        if !catalogued.1.complete {
            let reason = catalogued.1.warnings.join("; ");
            return Err(ScanError::Incomplete { image: image.name.clone(), layer: index, reason });
        }
        progress.finished(index);
        Ok(catalogued)
    }

    /// Reads one layer to its end and holds both of its digests against what manifest and config say; or, where that is
    /// asked for and can be, only what cataloguers want of it; or, where it lies unpacked and nothing else is left of it, that.
    fn walk_layer(
        &self,
        source: &dyn ImageSource,
        index: usize,
        unverified: bool,
        progress: &Arc<dyn Progress>,
        first: Option<&LayerRecord>,
    ) -> Result<Catalogued, ScanError> {
        let image = source.image();
        let layer = &image.layers[index];
        let describe = |source| ScanError::Open { image: image.name.clone(), layer: index, source };
        let broken = |source| ScanError::Layer { image: image.name.clone(), layer: index, source };
        let passed_by = first.map(|first| first.passed_by.as_slice()).unwrap_or_default();
        if unverified
            && let Some(window) = source.layer_window(index).map_err(describe)?
            && let Some(record) =
                catalogue_unverified(window, &layer.diff_id, passed_by, self.limits(), self.launcher())
                    .map_err(broken)?
        {
            return Ok((None, record));
        }
        if let Some(unpacked) = source.unpacked(index).map_err(describe)?
            && (unverified || unpacked.is_all)
        {
            let record = catalogue_unpacked(&unpacked, &layer.diff_id, self.limits(), self.launcher());
            return Ok((None, record.map_err(broken)?));
        }
        let input = source.open_layer(index).map_err(describe)?;
        let walked = match first {
            None => {
                let counted = Counted { input, layer: index, progress: Arc::clone(progress) };
                catalogue(counted, self.limits(), self.launcher())
            }
            // Its bytes were counted when they were read first.
            Some(first) => catalogue_again(input, first, self.limits(), self.launcher()),
        };
        let (walked, record) = walked.map_err(broken)?;
        layer.check(&walked).map_err(changed(image, index))?;
        Ok((Some(walked), record))
    }
}

/// How many layers are read at once: each keeps a core busy with inflating.
fn lanes() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get).min(8)
}

fn same(one: &Layer, other: &Layer) -> bool {
    one.blob == other.blob && one.diff_id == other.diff_id
}

fn changed(image: &Image, layer: usize) -> impl FnOnce(LayerMismatch) -> ScanError {
    let image = image.name.clone();
    move |source| ScanError::Changed { image, layer, source }
}
