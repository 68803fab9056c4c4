//! The scanner: store, advisory index and sealed workers together.

use std::io::Read;
use std::sync::Arc;

use findings::Report;
use image::layer::Walked;
use image::{Digest, Image, ImageSource};
use inventory::layer::Limits;
use inventory::worker::Launcher;
use inventory::{Inventory, LayerRecord, Release, cataloguers, merge};
use store::Store;

use crate::report::now;
use crate::{Advisories, Progress, ScanError};

/// Scans images. Cheap to clone.
#[derive(Clone)]
pub struct Scanner {
    store: Store,
    advisories: Advisories,
    launcher: Arc<Launcher>,
    limits: Arc<Limits>,
}

/// How a scan is to be done.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Read all layers again, whatever is known of them.
    pub rehash: bool,
    /// Where a layer lies uncompressed in a file, seek over what no cataloguer wants instead of computing its digest.
    /// What is found so is marked ([`Inventory::unverified`]) and not kept.
    pub unverified: bool,
    /// Judge as of this release, whatever the image says. What is found so is not kept as the image's report.
    pub distro: Option<Release>,
    /// Say what is linked into executables, too ([`Inventory::linked`]), which is not kept with a report: known layers are
    /// merged and judged anew.
    pub linked: bool,
}

impl Options {
    /// Whether the report that is kept of an image would be the answer.
    pub fn wants_kept(&self) -> bool {
        !self.rehash && !self.linked && self.distro.is_none()
    }
}

impl Scanner {
    /// A scanner over a store, with the advisory index that it asks and the way to start a sealed worker.
    pub fn new(store: Store, advisories: Advisories, launcher: Launcher) -> Self {
        Self { store, advisories, launcher: Arc::new(launcher), limits: Arc::default() }
    }

    /// The store that it keeps what it learns in.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The advisory index that it asks.
    pub fn advisories(&self) -> &Advisories {
        &self.advisories
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn launcher(&self) -> &Launcher {
        &self.launcher
    }

    /// Scans an image: reads the layers that are not known, keeps what it learned, matches, keeps the report.
    pub async fn scan(
        &self,
        source: Arc<dyn ImageSource>,
        options: Options,
        progress: Arc<dyn Progress>,
    ) -> Result<Report, ScanError> {
        if options.wants_kept()
            && let Some(report) = self.kept(source.image()).await?
        {
            return Ok(report);
        }
        let (inventory, read) = self.inventory_of(&source, &options, &progress).await?;
        self.report(source.image(), inventory, read).await
    }

    /// The answer to a scan of an image that was scanned before, by the index in force: no layer is read, nothing is
    /// merged or matched again. `None` where it has to be scanned, and for what names its layers by path instead of
    /// by digest: what such an archive claims to hold is not what it holds.
    pub async fn kept(&self, image: &Image) -> Result<Option<Report>, ScanError> {
        for layer in &image.layers {
            // A layer that a worker could not read to its end is not known, and the report made without it is not all.
            match &layer.blob {
                Some(blob) if self.knows(blob).await? => {}
                _ => return Ok(None),
            }
        }
        let kept = self.kept_report(&image.digest).await?;
        Ok(kept.map(|report| Report { name: image.name.clone(), scanned_at: now(), layers_read: 0, ..report }))
    }

    /// The first half of [`Self::scan`]: what is in the image, and how many layers had to be read to know it.
    pub async fn inventory_of(
        &self,
        source: &Arc<dyn ImageSource>,
        options: &Options,
        progress: &Arc<dyn Progress>,
    ) -> Result<(Inventory, usize), ScanError> {
        let records = self.records(source, options, progress).await?;
        let inventory = Inventory { unverified: records.unverified, ..merge(&records.layers) };
        let inventory = match &options.distro {
            Some(release) => inventory.as_of(release.clone()),
            None => inventory,
        };
        Ok((inventory, records.read))
    }

    /// The second half of [`Self::scan`]: what is wrong with it, by the index in force; kept as the image's report where all
    /// layers were verified and its release is its own.
    pub async fn report(&self, image: &Image, inventory: Inventory, layers_read: usize) -> Result<Report, ScanError> {
        let report = self.judge(image, inventory, layers_read)?;
        if report.inventory.unverified.is_empty() && !report.inventory.release_told {
            self.keep_report(&report).await?;
        }
        Ok(report)
    }

    /// Walks one layer from its stored bytes and catalogues it. Blocks; the caller compares the digests.
    pub fn catalogue(&self, input: Box<dyn Read + Send>) -> Result<(Walked, LayerRecord), ScanError> {
        Ok(inventory::layer::catalogue(input, &self.limits, &self.launcher)?)
    }

    /// The same for a layer whose first record says that files were passed by. Blocks.
    pub fn catalogue_again(
        &self,
        input: Box<dyn Read + Send>,
        first: &LayerRecord,
    ) -> Result<(Walked, LayerRecord), ScanError> {
        Ok(inventory::layer::catalogue_again(input, first, &self.limits, &self.launcher)?)
    }

    /// Keeps a layer's record under the digests that the walk computed over the same bytes. One that is not complete,
    /// since its worker was killed or gave up, is not kept: the next scan tries again.
    pub async fn keep(&self, walked: &Walked, record: &LayerRecord) -> Result<(), ScanError> {
        if !record.complete {
            return Ok(());
        }
        let bytes = record.to_bytes()?;
        let (diff_id, blob) = (&walked.diff_id, Some(&walked.blob));
        self.store.put_layer_record_with(diff_id, cataloguers::VERSION, &bytes, blob, record.parts()).await?;
        Ok(())
    }

    /// Whether the record of the layer behind a blob is known.
    pub async fn knows(&self, blob: &Digest) -> Result<bool, ScanError> {
        Ok(self.store.has_layer_record(blob, cataloguers::VERSION).await?)
    }

    /// The inventory of an image all of whose layers are known; `None` where one is not.
    pub async fn inventory(&self, image: &Image) -> Result<Option<Inventory>, ScanError> {
        let mut records = Vec::with_capacity(image.layers.len());
        for index in 0..image.layers.len() {
            match self.known(image, index).await? {
                Some(record) => records.push(record),
                None => return Ok(None),
            }
        }
        Ok(Some(merge(&records)))
    }

    /// The report of an image in the store's own blobs (pushed or pulled), by its platform manifest: the kept one
    /// where the index in force made it, else made anew from the layers' records and kept. `None` where a layer is
    /// not known yet (pending) or the digest is no image.
    pub async fn report_stored(&self, manifest: &Digest) -> Result<Option<Report>, ScanError> {
        if let Some(report) = self.kept_report(manifest).await? {
            return Ok(Some(report));
        }
        let Some(image) = self.stored_image(manifest).await? else { return Ok(None) };
        let Some(inventory) = self.inventory(&image).await? else { return Ok(None) };
        Ok(Some(self.report(&image, inventory, 0).await?))
    }
}
