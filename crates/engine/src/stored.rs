//! An image whose blobs are in the store.

use std::fmt;
use std::io::Read;
use std::sync::Arc;

use image::source::SourceError;
use image::{Image, ImageSource};
use store::Blobs;

/// Reads layers from the store where they are there, and from where the image came from otherwise.
#[derive(Clone)]
pub struct StoredSource {
    origin: Arc<dyn ImageSource>,
    blobs: Blobs,
}

impl StoredSource {
    /// The image of `origin`.
    pub fn new(origin: Arc<dyn ImageSource>, blobs: Blobs) -> Self {
        Self { origin, blobs }
    }
}

impl ImageSource for StoredSource {
    fn image(&self) -> &Image {
        self.origin.image()
    }

    fn open_layer(&self, index: usize) -> Result<Box<dyn Read + Send>, SourceError> {
        let blob = self.image().layers.get(index).and_then(|layer| layer.blob.as_ref());
        let stored = blob.map(|blob| self.blobs.open(blob)).transpose();
        match stored.map_err(|error| SourceError::Remote(Box::new(error)))?.flatten() {
            Some(file) => Ok(Box::new(file)),
            None => self.origin.open_layer(index),
        }
    }
}

impl fmt::Debug for StoredSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("StoredSource").field("image", &self.image().name).finish_non_exhaustive()
    }
}
