//! What a walk computed, held against what manifest and config claimed.

use thiserror::Error;

use super::Layer;
use crate::Digest;
use crate::layer::Walked;

/// A layer is not what the image says it is.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LayerMismatch {
    /// The stored bytes have another digest than the manifest says.
    #[error("layer {expected} has digest {found}; it was changed or damaged, nothing of it was used")]
    Blob {
        /// What the manifest says.
        expected: Digest,
        /// What was computed.
        found: Digest,
    },
    /// The stored bytes are more or fewer than the manifest says.
    #[error("layer {layer} has {found} bytes, but the manifest says {expected}; nothing of it was used")]
    Size {
        /// The layer's diff id.
        layer: Digest,
        /// What the manifest says.
        expected: u64,
        /// What was counted.
        found: u64,
    },
    /// The tar has another digest than the config says.
    #[error(
        "the tar of a layer has digest {found}, but the config says {expected}; the image is put together wrongly or \
         was tampered with, nothing of it was used"
    )]
    DiffId {
        /// What the config says.
        expected: Digest,
        /// What was computed.
        found: Digest,
    },
}

impl Layer {
    /// Whether the bytes that were walked are this layer. To be asked before anything made of them is used.
    pub fn check(&self, walked: &Walked) -> Result<(), LayerMismatch> {
        if let Some(expected) = self.blob.as_ref().filter(|blob| **blob != walked.blob) {
            return Err(LayerMismatch::Blob { expected: expected.clone(), found: walked.blob.clone() });
        }
        if self.size != walked.blob_size {
            let layer = self.diff_id.clone();
            return Err(LayerMismatch::Size { layer, expected: self.size, found: walked.blob_size });
        }
        if self.diff_id != walked.diff_id {
            return Err(LayerMismatch::DiffId { expected: self.diff_id.clone(), found: walked.diff_id.clone() });
        }
        Ok(())
    }
}
