//! What was learned of layers: the diff id behind a blob, and a record per (diff id, version of the cataloguers).

use std::io;

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
        self.put_layer_record_with(diff_id, version, record, blob, std::iter::empty()).await
    }

    /// The same with what is too long to be kept in one piece, part by part in order. An error of a part keeps nothing.
    pub async fn put_layer_record_with(
        &self,
        diff_id: &Digest,
        version: u32,
        record: &[u8],
        blob: Option<&Digest>,
        parts: impl Iterator<Item = io::Result<Vec<u8>>> + Send,
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
        sqlx::query("DELETE FROM layer_parts WHERE diff_id = $1 AND version = $2")
            .bind(diff_id.as_str())
            .bind(i64::from(version))
            .execute(&mut *transaction)
            .await
            .map_err(StoreError::database(ACTION))?;
        for (position, part) in (0_i64..).zip(parts) {
            sqlx::query("INSERT INTO layer_parts (diff_id, version, position, part) VALUES ($1, $2, $3, $4)")
                .bind(diff_id.as_str())
                .bind(i64::from(version))
                .bind(position)
                .bind(part.map_err(StoreError::file("read what was put into", &std::env::temp_dir()))?)
                .execute(&mut *transaction)
                .await
                .map_err(StoreError::database(ACTION))?;
        }
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

    /// Whether the record of the layer behind a blob is kept; it is not read.
    pub async fn has_layer_record(&self, blob: &Digest, version: u32) -> Result<bool, StoreError> {
        let row = sqlx::query(
            "SELECT layer_blobs.diff_id FROM layer_blobs
             JOIN layer_records ON layer_records.diff_id = layer_blobs.diff_id AND layer_records.version = $2
             WHERE layer_blobs.blob = $1",
        )
        .bind(blob.as_str())
        .bind(i64::from(version))
        .fetch_optional(self.database.reads())
        .await
        .map_err(StoreError::database("look for a layer's record"))?;
        Ok(row.is_some())
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

    /// A part of what is kept beside a layer's record; `None` behind the last one.
    pub async fn layer_part(
        &self,
        diff_id: &Digest,
        version: u32,
        position: u32,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        const ACTION: &str = "look up a part of a layer's record";
        let row = sqlx::query("SELECT part FROM layer_parts WHERE diff_id = $1 AND version = $2 AND position = $3")
            .bind(diff_id.as_str())
            .bind(i64::from(version))
            .bind(i64::from(position))
            .fetch_optional(self.database.reads())
            .await
            .map_err(StoreError::database(ACTION))?;
        row.map(|row| row.try_get("part")).transpose().map_err(StoreError::database(ACTION))
    }
}
