//! One data folder, opened.

use std::path::Path;

use thiserror::Error;

use crate::Blobs;

/// A data folder: blobs and rows. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) blobs: Blobs,
}

/// Why something could not be kept or found. (Variants by the store room's owner.)
#[derive(Debug, Error)]
#[error("{0}")]
pub struct StoreError(pub String);

impl Store {
    /// Opens the folder with its embedded database (`plimsoll.db`), making both where they are missing, and brings
    /// the schema up to date. `database` names a PostgreSQL instead (`postgres://…`).
    pub async fn open(_folder: &Path, _database: Option<&str>) -> Result<Self, StoreError> {
        unimplemented!("owner: store room")
    }

    /// The blobs.
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }
}
