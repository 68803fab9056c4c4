//! Why a scan could not be done.

use image::Digest;
use image::layer::LayerError;
use image::source::{LayerMismatch, SourceError};
use store::StoreError;
use thiserror::Error;

/// Why a scan could not be done.
#[derive(Debug, Error)]
pub enum ScanError {
    /// A layer could not be opened at its source.
    #[error("cannot open layer {layer} of {image}")]
    Open {
        /// The image as the user called it.
        image: String,
        /// The layer; the base is 0.
        layer: usize,
        /// Why.
        source: SourceError,
    },
    /// A layer's bytes are not a layer.
    #[error("cannot read layer {layer} of {image}")]
    Layer {
        /// The image as the user called it.
        image: String,
        /// The layer; the base is 0.
        layer: usize,
        /// Why.
        source: LayerError,
    },
    /// The worker that read package databases out of a layer did not answer for all of them.
    #[error("cannot tell all that is in layer {layer} of {image}: {reason}; scan it again")]
    Incomplete {
        /// The image as the user called it.
        image: String,
        /// The layer; the base is 0.
        layer: usize,
        /// Which files, and what became of the worker.
        reason: String,
    },
    /// A layer that came without an image around it is none.
    #[error("cannot read the layer")]
    Catalogue(#[from] LayerError),
    /// A layer's bytes are not those that the image names.
    #[error("layer {layer} of {image} was changed: fetch the image again, and if it stays so do not use it")]
    Changed {
        /// The image as the user called it.
        image: String,
        /// The layer; the base is 0.
        layer: usize,
        /// What differs.
        source: LayerMismatch,
    },
    /// A layer's record could not be written.
    #[error(transparent)]
    Record(#[from] inventory::record::RecordError),
    /// The store did not keep or give something.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The advisory index cannot be used.
    #[error(transparent)]
    Index(#[from] advisory::IndexError),
    /// An image in the store is not what its manifest says.
    #[error("cannot read the stored image {digest}")]
    Stored {
        /// Its manifest.
        digest: Digest,
        /// Why.
        source: SourceError,
    },
    /// The report could not be brought into the form in which it is kept.
    #[error("cannot keep the report of {digest}")]
    Kept {
        /// The image.
        digest: Digest,
        /// Why.
        source: findings::KeptError,
    },
    /// A task of ours ended without an answer.
    #[error("the scan was stopped before it was done")]
    Stopped,
}
