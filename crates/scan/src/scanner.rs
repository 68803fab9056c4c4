//! The scanner: store, advisory index and sealed workers together.
#![allow(clippy::unused_async)]

use std::io::Read;
use std::sync::Arc;

use findings::Report;
use image::{Digest, Image, ImageSource, layer::Walked};
use inventory::{Inventory, LayerRecord};
use store::Store;
use thiserror::Error;

/// Scans images. Cheap to clone.
#[derive(Clone)]
pub struct Scanner {
    store: Store,
}

/// How a scan is to be done.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Read all layers again, whatever is known of them.
    pub rehash: bool,
}

/// Who is told how far a scan is. All calls may come from several threads.
pub trait Progress: Send + Sync {
    /// A layer's record is known already.
    fn known(&self, _layer: usize) {}
    /// A layer is being read; `bytes` is its stored size.
    fn started(&self, _layer: usize, _bytes: u64) {}
    /// So many more stored bytes of it were read.
    fn advanced(&self, _layer: usize, _bytes: u64) {}
    /// It was read to its end.
    fn finished(&self, _layer: usize) {}
}

/// Tells nobody.
#[derive(Debug)]
pub struct Silent;

impl Progress for Silent {}

/// Why a scan could not be done.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct ScanError(pub String);

impl Scanner {
    /// A scanner over a store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// The store that it keeps what it learns in.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Scans an image: reads the layers that are not known, keeps what it learned, matches, keeps the report.
    pub async fn scan(
        &self,
        _source: Arc<dyn ImageSource>,
        _options: Options,
        _progress: Arc<dyn Progress>,
    ) -> Result<Report, ScanError> {
        unimplemented!("owner: scan room")
    }

    /// Walks one layer from its stored bytes and catalogues it. Blocks; the caller compares the digests.
    pub fn catalogue(&self, _input: Box<dyn Read + Send>) -> Result<(Walked, LayerRecord), ScanError> {
        unimplemented!("owner: scan room")
    }

    /// Keeps a layer's record under the digests that the walk computed.
    pub async fn keep(&self, _walked: &Walked, _record: &LayerRecord, _stored_as_blob: bool) -> Result<(), ScanError> {
        unimplemented!("owner: scan room")
    }

    /// Whether the record of the layer behind a blob is known.
    pub async fn knows(&self, _blob: &Digest) -> Result<bool, ScanError> {
        unimplemented!("owner: scan room")
    }

    /// The inventory of an image all of whose layers are known; `None` where one is not.
    pub async fn inventory(&self, _image: &Image) -> Result<Option<Inventory>, ScanError> {
        unimplemented!("owner: scan room")
    }

    /// The report of an image in the store's own blobs (pushed or pulled), by its platform manifest: the kept one
    /// where the present index made it, else made anew from the layers' records and kept. `None` where a layer is
    /// not known yet (pending) or the digest is no image.
    pub async fn report_stored(&self, _manifest: &Digest) -> Result<Option<Report>, ScanError> {
        unimplemented!("owner: scan room")
    }
}
