//! Keeping an image's blobs: manifest, config and layers, each under the digest that its bytes have.

use std::io::{Read, Write};

use image::{ImageSource, Layer};
use store::Blobs;

use crate::EngineError;

/// Bytes that are read at a time.
const CHUNK: usize = 128 << 10;

/// Who is told how far it is. Layers are counted from the base, 0.
pub trait Progress: Send + Sync {
    /// Nothing is to be done for a layer.
    fn known(&self, _layer: usize) {}
    /// So many more of its bytes, of so many, were fetched.
    fn fetched(&self, _layer: usize, _bytes: u64, _of: u64) {}
    /// It is kept, unpacked.
    fn unpacked(&self, _layer: usize) {}
}

/// Tells nobody.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Progress for Silent {}

/// Fetches what is not in the store yet. `kept` tells of each layer whether it is unpacked already: such a one is
/// not fetched for it.
pub fn pull(
    source: &dyn ImageSource,
    blobs: &Blobs,
    kept: &[bool],
    progress: &dyn Progress,
) -> Result<(), EngineError> {
    let image = source.image();
    blobs.put(&image.config_bytes)?;
    if let Some(manifest) = &image.manifest_bytes {
        blobs.put(manifest)?;
    }
    for (index, layer) in image.layers.iter().enumerate() {
        // A layer of a docker archive has no blob; it is unpacked from the archive.
        let Some(digest) = &layer.blob else { continue };
        if kept.get(index).copied().unwrap_or(false) || blobs.size(digest)?.is_some() {
            progress.known(index);
            continue;
        }
        let what = format!("layer {digest} of {}", image.name);
        let mut from = source.open_layer(index).map_err(|source| EngineError::Source { what: what.clone(), source })?;
        let mut into = blobs.create()?;
        copy(&mut from, &mut into, layer, |bytes| progress.fetched(index, bytes, layer.size))
            .map_err(|source| EngineError::Io { doing: format!("fetch {what}"), source })?;
        // Only bytes that have this digest get its name.
        into.commit(digest)?;
    }
    Ok(())
}

/// Copies no more than the manifest promised: a registry that sends for ever fills no disk.
fn copy(from: &mut dyn Read, into: &mut dyn Write, layer: &Layer, mut fetched: impl FnMut(u64)) -> std::io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut left = layer.size;
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        left = left.checked_sub(read as u64).ok_or_else(|| {
            std::io::Error::other(format!("more bytes came than the {} that its manifest names", layer.size))
        })?;
        into.write_all(&buffer[..read])?;
        fetched(read as u64);
    }
}
