//! From blobs to layers that can be stacked.
//!
//! This side inflates (memory-safe decoders) and hashes; the tar itself is read by a child of the broker in a user
//! namespace, which gets it through a pipe. A layer is kept only when the bytes that went through have both digests
//! that the image's manifest and config named.

use std::io::{BufRead as _, ErrorKind, Write as _};

use image::layer::{Inflated, Limits};
use image::verified::DigestMismatch;
use image::{Digest, Image, ImageSource};
use sandbox::{Broker, DiffId};

use crate::EngineError;
use crate::pull::Progress;

/// The layers of an image as the sandbox names them, base first.
pub fn diff_ids(image: &Image) -> Result<Vec<DiffId>, EngineError> {
    let name = |digest: &Digest| {
        digest.as_str().parse().map_err(|error| EngineError::Wish(format!("{}: {error}", image.name)))
    };
    if image.layers.is_empty() {
        return Err(EngineError::Wish(format!("{} has no layers, so there is nothing to run", image.name)));
    }
    image.layers.iter().map(|layer| name(&layer.diff_id)).collect()
}

/// Unpacks the layers that are not kept. `kept` is the sandbox's answer for each of `layers`.
pub fn unpack(
    source: &dyn ImageSource,
    broker: &Broker,
    layers: &[DiffId],
    kept: &[bool],
    progress: &dyn Progress,
) -> Result<(), EngineError> {
    for (index, layer) in layers.iter().enumerate() {
        // An image may have the same layer twice.
        if kept.get(index).copied().unwrap_or(false) || layers[..index].contains(layer) {
            progress.known(index);
            continue;
        }
        unpack_one(source, broker, index, layer)?;
        progress.unpacked(index);
    }
    Ok(())
}

fn unpack_one(source: &dyn ImageSource, broker: &Broker, index: usize, name: &DiffId) -> Result<(), EngineError> {
    let image = source.image();
    let layer = &image.layers[index];
    let what = format!("layer {name} of {}", image.name);
    let bytes = source.open_layer(index).map_err(|source| EngineError::Source { what: what.clone(), source })?;
    let inflating = |source| EngineError::Layer { what: what.clone(), source };
    let mut tar = Inflated::new(bytes, &Limits::default()).map_err(inflating)?;
    let mut unpacking = broker.unpack(name)?;
    loop {
        let chunk = match tar.fill_buf() {
            Ok([]) => break,
            Ok(chunk) => chunk,
            Err(source) => return Err(EngineError::Io { doing: format!("inflate {what}"), source }),
        };
        match unpacking.write(chunk) {
            Ok(written) => tar.consume(written),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // The other side has stopped reading, and knows why.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Err(unpacking.failure().into()),
            Err(source) => return Err(EngineError::Io { doing: format!("unpack {what}"), source }),
        }
    }
    let found = tar.finish().map_err(inflating)?;
    if let Some(blob) = &layer.blob {
        matches(&format!("the blob of {what}"), blob, &found.blob)?;
    }
    matches(&what, &layer.diff_id, &found.diff_id)?;
    unpacking.keep()?;
    Ok(())
}

fn matches(what: &str, expected: &Digest, found: &Digest) -> Result<(), DigestMismatch> {
    if expected == found {
        Ok(())
    } else {
        Err(DigestMismatch { what: what.to_owned(), expected: expected.clone(), found: found.clone() })
    }
}
