//! One data folder, opened.

use std::path::Path;

use crate::database::Database;
use crate::{Blobs, DataFolder, StoreError, migrations};

/// A data folder: blobs and rows. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    folder: DataFolder,
    blobs: Blobs,
    pub(crate) database: Database,
}

impl Store {
    /// Opens the folder with its embedded database (`plimsoll.db`), making both where they are missing, and brings
    /// the schema up to date. `database` names a PostgreSQL instead (`postgres://…`).
    pub async fn open(folder: &Path, database: Option<&str>) -> Result<Self, StoreError> {
        let folder = DataFolder::open(folder)?;
        let database = match database {
            None => Database::embedded(&folder.database())?,
            Some(address) => Database::shared(address).await?,
        };
        migrations::bring_up_to_date(&database, &folder).await?;
        Ok(Self { blobs: Blobs::new(&folder), folder, database })
    }

    /// The folder.
    pub fn folder(&self) -> &DataFolder {
        &self.folder
    }

    /// The blobs.
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Waits for running statements and closes the connections. A store that is dropped without it loses nothing.
    pub async fn close(&self) {
        self.database.close().await;
    }
}
