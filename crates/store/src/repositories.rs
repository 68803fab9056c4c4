//! Repositories: which manifests and blobs are in each, and which tag points where.

use image::Digest;
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::database::{self, signed};
use crate::{Store, StoreError};

/// A manifest as it is kept; its bytes are a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestRow {
    /// Its digest.
    pub digest: Digest,
    /// Its media type as it was pushed.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// The manifest that it is about (OCI 1.1 `subject`), where it names one.
    pub subject: Option<Digest>,
    /// `artifactType`, or the config's media type where a subject is named and no artifact type is.
    pub artifact_type: Option<String>,
    /// Its annotations as JSON, for the referrers list.
    pub annotations: Option<String>,
    /// When it was pushed, RFC 3339.
    pub pushed_at: String,
}

/// A tag with the manifest it points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRow {
    /// The tag.
    pub tag: String,
    /// What it points to.
    pub digest: Digest,
    /// Since when, RFC 3339.
    pub updated_at: String,
}

impl Store {
    /// Says that a blob is in a repository. The blob is there already.
    pub async fn link_blob(&self, repository: &str, digest: &Digest) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO repository_blobs (repository, digest) VALUES ($1, $2)
             ON CONFLICT (repository, digest) DO NOTHING",
        )
        .bind(repository)
        .bind(digest.as_str())
        .execute(self.database.writes())
        .await
        .map_err(StoreError::database("put a blob into a repository"))?;
        Ok(())
    }

    /// Whether a blob is in a repository.
    pub async fn has_blob(&self, repository: &str, digest: &Digest) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT 1 FROM repository_blobs WHERE repository = $1 AND digest = $2")
            .bind(repository)
            .bind(digest.as_str())
            .fetch_optional(self.database.reads())
            .await
            .map_err(StoreError::database("look for a blob in a repository"))?;
        Ok(row.is_some())
    }

    /// Takes a blob out of a repository; true where it was there.
    pub async fn unlink_blob(&self, repository: &str, digest: &Digest) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM repository_blobs WHERE repository = $1 AND digest = $2")
            .bind(repository)
            .bind(digest.as_str())
            .execute(self.database.writes())
            .await
            .map_err(StoreError::database("take a blob out of a repository"))?;
        Ok(done.rows_affected() > 0)
    }

    /// Keeps a manifest in a repository, and moves `tag` to it, in one transaction. Its bytes are a blob already.
    /// A manifest that is there keeps the time of its first push, a tag that points to it already since when it does.
    pub async fn put_manifest(
        &self,
        repository: &str,
        manifest: &ManifestRow,
        tag: Option<&str>,
    ) -> Result<(), StoreError> {
        const ACTION: &str = "keep a manifest";
        let fail = || StoreError::database(ACTION);
        let mut transaction = self.database.begin(ACTION).await?;
        sqlx::query("INSERT INTO repositories (name, created_at) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
            .bind(repository)
            .bind(&manifest.pushed_at)
            .execute(&mut *transaction)
            .await
            .map_err(fail())?;
        sqlx::query(
            "INSERT INTO manifests
                 (repository, digest, media_type, size, subject, artifact_type, annotations, pushed_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (repository, digest) DO UPDATE SET media_type = excluded.media_type",
        )
        .bind(repository)
        .bind(manifest.digest.as_str())
        .bind(&manifest.media_type)
        .bind(signed(manifest.size))
        .bind(manifest.subject.as_ref().map(Digest::as_str))
        .bind(manifest.artifact_type.as_deref())
        .bind(manifest.annotations.as_deref())
        .bind(&manifest.pushed_at)
        .execute(&mut *transaction)
        .await
        .map_err(fail())?;
        if let Some(tag) = tag {
            sqlx::query(
                "INSERT INTO tags (repository, tag, digest, updated_at) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (repository, tag)
                 DO UPDATE SET digest = excluded.digest, updated_at = excluded.updated_at
                 WHERE tags.digest <> excluded.digest",
            )
            .bind(repository)
            .bind(tag)
            .bind(manifest.digest.as_str())
            .bind(&manifest.pushed_at)
            .execute(&mut *transaction)
            .await
            .map_err(fail())?;
        }
        transaction.commit().await.map_err(fail())
    }

    /// A manifest of a repository.
    pub async fn manifest(&self, repository: &str, digest: &Digest) -> Result<Option<ManifestRow>, StoreError> {
        let row = sqlx::query("SELECT * FROM manifests WHERE repository = $1 AND digest = $2")
            .bind(repository)
            .bind(digest.as_str())
            .fetch_optional(self.database.reads())
            .await
            .map_err(StoreError::database("look up a manifest"))?;
        row.map(|row| manifest_row(&row)).transpose()
    }

    /// Deletes a manifest with the tags that point to it; true where it was there.
    pub async fn delete_manifest(&self, repository: &str, digest: &Digest) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM manifests WHERE repository = $1 AND digest = $2")
            .bind(repository)
            .bind(digest.as_str())
            .execute(self.database.writes())
            .await
            .map_err(StoreError::database("delete a manifest"))?;
        Ok(done.rows_affected() > 0)
    }

    /// Where a tag points.
    pub async fn tag(&self, repository: &str, tag: &str) -> Result<Option<Digest>, StoreError> {
        let row = sqlx::query("SELECT digest FROM tags WHERE repository = $1 AND tag = $2")
            .bind(repository)
            .bind(tag)
            .fetch_optional(self.database.reads())
            .await
            .map_err(StoreError::database("look up a tag"))?;
        row.map(|row| database::digest(&row, "digest")).transpose()
    }

    /// Deletes a tag; true where it was there.
    pub async fn delete_tag(&self, repository: &str, tag: &str) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM tags WHERE repository = $1 AND tag = $2")
            .bind(repository)
            .bind(tag)
            .execute(self.database.writes())
            .await
            .map_err(StoreError::database("delete a tag"))?;
        Ok(done.rows_affected() > 0)
    }

    /// At most `limit` tags after `last` in byte order.
    pub async fn tags(&self, repository: &str, last: Option<&str>, limit: u32) -> Result<Vec<TagRow>, StoreError> {
        const ACTION: &str = "list tags";
        let rows = sqlx::query(
            "SELECT tag, digest, updated_at FROM tags WHERE repository = $1 AND tag > $2 ORDER BY tag LIMIT $3",
        )
        .bind(repository)
        .bind(last.unwrap_or_default())
        .bind(i64::from(limit))
        .fetch_all(self.database.reads())
        .await
        .map_err(StoreError::database(ACTION))?;
        let tag = |row: &AnyRow| {
            Ok(TagRow {
                tag: row.try_get("tag").map_err(StoreError::database(ACTION))?,
                digest: database::digest(row, "digest")?,
                updated_at: row.try_get("updated_at").map_err(StoreError::database(ACTION))?,
            })
        };
        rows.iter().map(tag).collect()
    }

    /// At most `limit` repositories after `last` in byte order: those that hold a manifest.
    pub async fn repositories(&self, last: Option<&str>, limit: u32) -> Result<Vec<String>, StoreError> {
        sqlx::query_scalar(
            "SELECT name FROM repositories
             WHERE name > $1 AND EXISTS (SELECT 1 FROM manifests WHERE manifests.repository = repositories.name)
             ORDER BY name LIMIT $2",
        )
        .bind(last.unwrap_or_default())
        .bind(i64::from(limit))
        .fetch_all(self.database.reads())
        .await
        .map_err(StoreError::database("list repositories"))
    }

    /// Whether a repository holds a manifest.
    pub async fn has_repository(&self, repository: &str) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT 1 FROM manifests WHERE repository = $1 LIMIT 1")
            .bind(repository)
            .fetch_optional(self.database.reads())
            .await
            .map_err(StoreError::database("look for a repository"))?;
        Ok(row.is_some())
    }

    /// The repositories (with tags, where any) in which an image is.
    pub async fn places_of(&self, digest: &Digest) -> Result<Vec<(String, Option<String>)>, StoreError> {
        const ACTION: &str = "look for the places of an image";
        let rows = sqlx::query(
            "SELECT manifests.repository AS repository, tags.tag AS tag
             FROM manifests
             LEFT JOIN tags ON tags.repository = manifests.repository AND tags.digest = manifests.digest
             WHERE manifests.digest = $1
             ORDER BY manifests.repository, tags.tag",
        )
        .bind(digest.as_str())
        .fetch_all(self.database.reads())
        .await
        .map_err(StoreError::database(ACTION))?;
        let place = |row: &AnyRow| Ok((row.try_get("repository")?, row.try_get("tag")?));
        rows.iter().map(place).collect::<Result<_, _>>().map_err(StoreError::database(ACTION))
    }

    /// The manifests of a repository whose subject is `digest`, oldest first.
    pub async fn referrers(
        &self,
        repository: &str,
        digest: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<ManifestRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM manifests
             WHERE repository = $1 AND subject = $2 AND ($3 = '' OR artifact_type = $3)
             ORDER BY pushed_at, digest",
        )
        .bind(repository)
        .bind(digest.as_str())
        .bind(database::text(artifact_type.unwrap_or_default()))
        .fetch_all(self.database.reads())
        .await
        .map_err(StoreError::database("list referrers"))?;
        rows.iter().map(manifest_row).collect()
    }
}

fn manifest_row(row: &AnyRow) -> Result<ManifestRow, StoreError> {
    let fail = || StoreError::database("read a manifest's row");
    let size: i64 = row.try_get("size").map_err(fail())?;
    Ok(ManifestRow {
        digest: database::digest(row, "digest")?,
        media_type: row.try_get("media_type").map_err(fail())?,
        size: u64::try_from(size)
            .map_err(|_| StoreError::Corrupt { what: "a manifest", reason: format!("its size is {size}") })?,
        subject: database::optional_digest(row, "subject")?,
        artifact_type: row.try_get("artifact_type").map_err(fail())?,
        annotations: row.try_get("annotations").map_err(fail())?,
        pushed_at: row.try_get("pushed_at").map_err(fail())?,
    })
}
