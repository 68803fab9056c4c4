//! Images in the store's own blobs: what was pushed or pulled here.

use std::io::Read;

use image::source::{Part, Request, SourceError, resolve};
use image::{Digest, Image, ImageSource, Verified};
use store::Blobs;

use crate::{ScanError, Scanner};

/// An image whose manifest, config and layers are blobs of a store.
pub struct StoredSource {
    image: Image,
    blobs: Blobs,
}

impl StoredSource {
    /// Reads manifest and config from the blobs; `None` where the manifest is not among them.
    pub fn open(blobs: &Blobs, manifest: &Digest) -> Result<Option<Self>, SourceError> {
        let Some(bytes) = read(blobs, manifest, image::source::MANIFEST_BYTES)? else { return Ok(None) };
        let what = format!("stored manifest {manifest}");
        let top = Verified::check(bytes, manifest, &what)?;
        let name = manifest.to_string();
        let request = Request { name: &name, reference: None, platform: None };
        let fetch = |_: Part, digest: &Digest, limit: u64| read(blobs, digest, limit)?.ok_or_else(|| missing(digest));
        let image = resolve(request, top, None, &fetch)?;
        Ok(Some(Self { image, blobs: blobs.clone() }))
    }
}

impl ImageSource for StoredSource {
    fn image(&self) -> &Image {
        &self.image
    }

    fn open_layer(&self, index: usize) -> Result<Box<dyn Read + Send>, SourceError> {
        let layer = &self.image.layers[index];
        let blob = layer.blob.as_ref().unwrap_or(&layer.diff_id);
        let file = self.blobs.open(blob).map_err(|error| SourceError::Remote(error.into()))?;
        Ok(Box::new(file.ok_or_else(|| missing(blob))?))
    }
}

impl Scanner {
    /// The image behind a platform manifest in the store. `None` where the digest is not there, or is no image but
    /// an index, a signature or another artifact.
    pub(crate) async fn stored_image(&self, manifest: &Digest) -> Result<Option<Image>, ScanError> {
        let (blobs, digest) = (self.store().blobs().clone(), manifest.clone());
        let opened = tokio::task::spawn_blocking(move || StoredSource::open(&blobs, &digest)).await;
        match opened.map_err(|_| ScanError::Stopped)? {
            Ok(Some(source)) if source.image.digest == *manifest => Ok(Some(source.image)),
            Ok(_) | Err(SourceError::NotAnImage { .. }) => Ok(None),
            Err(source) => Err(ScanError::Stored { digest: manifest.clone(), source }),
        }
    }
}

fn read(blobs: &Blobs, digest: &Digest, limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
    let Some(file) = blobs.open(digest).map_err(|error| SourceError::Remote(error.into()))? else { return Ok(None) };
    let mut bytes = Vec::new();
    let read = file.take(limit).read_to_end(&mut bytes);
    read.map_err(|source| SourceError::Io { action: format!("read stored blob {digest}"), source })?;
    Ok(Some(bytes))
}

fn missing(digest: &Digest) -> SourceError {
    SourceError::NotFound {
        what: format!("blob {digest}"),
        place: "the store".to_owned(),
        hint: "push or pull the image again".to_owned(),
    }
}
