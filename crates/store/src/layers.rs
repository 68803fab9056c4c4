//! What was learned of layers: the diff id behind a blob, and a record per (diff id, version of the cataloguers).
#![allow(clippy::unused_async)]

use image::Digest;

use crate::{Store, StoreError};

impl Store {
    /// The diff id of a blob, as somebody who computed both digests over the same bytes wrote it.
    pub async fn diff_id(&self, _blob: &Digest) -> Result<Option<Digest>, StoreError> {
        unimplemented!("owner: store room")
    }

    /// Keeps a layer's record, and the diff id behind `blob` where the layer came as a blob, in one transaction.
    /// `record` is opaque here (`scan` gives it its shape).
    pub async fn put_layer_record(
        &self,
        _diff_id: &Digest,
        _version: u32,
        _record: &[u8],
        _blob: Option<&Digest>,
    ) -> Result<(), StoreError> {
        unimplemented!("owner: store room")
    }

    /// A layer's record as it was kept.
    pub async fn layer_record(&self, _diff_id: &Digest, _version: u32) -> Result<Option<Vec<u8>>, StoreError> {
        unimplemented!("owner: store room")
    }
}
