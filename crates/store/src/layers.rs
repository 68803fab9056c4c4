//! What was learned of layers: the diff id behind a blob, and a record per (diff id, version of the cataloguers).

use image::Digest;
use sqlx::Row;

use crate::database;
use crate::{Store, StoreError};

impl Store {
    /// The diff id of a blob, as somebody who computed both digests over the same bytes wrote it.
    pub async fn diff_id(&self, blob: &Digest) -> Result<Option<Digest>, StoreError> {
        let row = sqlx::query("SELECT diff_id FROM layer_blobs WHERE blob = $1")
            .bind(blob.as_str())
            .fetch_optional(self.database.reads())
            .await
            .map_err(StoreError::database("look up a layer's diff id"))?;
        row.map(|row| database::digest(&row, "diff_id")).transpose()
    }

    /// Keeps a layer's record, and the diff id behind `blob` where the layer came as a blob, in one transaction.
    /// `record` is opaque here (`scan` gives it its shape).
    pub async fn put_layer_record(
        &self,
        diff_id: &Digest,
        version: u32,
        record: &[u8],
        blob: Option<&Digest>,
    ) -> Result<(), StoreError> {
        const ACTION: &str = "keep a layer's record";
        let mut transaction = self.database.begin(ACTION).await?;
        sqlx::query(
            "INSERT INTO layer_records (diff_id, version, record) VALUES ($1, $2, $3)
             ON CONFLICT (diff_id, version) DO UPDATE SET record = excluded.record",
        )
        .bind(diff_id.as_str())
        .bind(i64::from(version))
        .bind(record)
        .execute(&mut *transaction)
        .await
        .map_err(StoreError::database(ACTION))?;
        if let Some(blob) = blob {
            sqlx::query(
                "INSERT INTO layer_blobs (blob, diff_id) VALUES ($1, $2)
                 ON CONFLICT (blob) DO UPDATE SET diff_id = excluded.diff_id",
            )
            .bind(blob.as_str())
            .bind(diff_id.as_str())
            .execute(&mut *transaction)
            .await
            .map_err(StoreError::database(ACTION))?;
        }
        transaction.commit().await.map_err(StoreError::database(ACTION))
    }

    /// Says which diff id is behind a blob whose layer's record is kept already. For who read the bytes of both: a blob
    /// that is also known by another digest (SHA-512 beside SHA-256).
    pub async fn put_diff_id(&self, blob: &Digest, diff_id: &Digest) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO layer_blobs (blob, diff_id) VALUES ($1, $2)
             ON CONFLICT (blob) DO UPDATE SET diff_id = excluded.diff_id",
        )
        .bind(blob.as_str())
        .bind(diff_id.as_str())
        .execute(self.database.writes())
        .await
        .map_err(StoreError::database("keep a layer's diff id"))?;
        Ok(())
    }

    /// A layer's record as it was kept.
    pub async fn layer_record(&self, diff_id: &Digest, version: u32) -> Result<Option<Vec<u8>>, StoreError> {
        const ACTION: &str = "look up a layer's record";
        let row = sqlx::query("SELECT record FROM layer_records WHERE diff_id = $1 AND version = $2")
            .bind(diff_id.as_str())
            .bind(i64::from(version))
            .fetch_optional(self.database.reads())
            .await
            .map_err(StoreError::database(ACTION))?;
        row.map(|row| row.try_get("record")).transpose().map_err(StoreError::database(ACTION))
    }
}
