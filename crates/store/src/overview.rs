//! What lists of repositories and images show of each, without reading a report's JSON.

use image::Digest;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use crate::database::{self, placeholders, text};
use crate::repositories::TagRow;
use crate::{Store, StoreError};

/// Digests a statement: SQLite takes 32,766 parameters.
const DIGESTS_A_STATEMENT: usize = 1000;

/// A repository as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositorySummary {
    /// Its name.
    pub name: String,
    /// How many tags it has.
    pub tags: i64,
    /// The tag that was moved last; none where only digests were pushed.
    pub newest: Option<TagRow>,
}

/// A report without its JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportSummary {
    /// The image's platform manifest.
    pub image: Digest,
    /// Which advisory index answered.
    pub index_id: String,
    /// RFC 3339.
    pub scanned_at: String,
    /// Findings by severity: critical, high, medium, low, negligible, unknown.
    pub counts: [i64; 6],
    /// How many of them have a fix.
    pub fixable: i64,
    /// Packages that no source covers.
    pub uncovered: i64,
}

/// Tags that only carry signatures, as registries without a referrers API get them, are nobody's name for an image.
const SUMMARY: &str = "SELECT summary.name AS name, summary.tags AS tags,
           tags.tag AS tag, tags.digest AS digest, tags.updated_at AS updated_at
    FROM (SELECT name,
                 (SELECT COUNT(*) FROM tags
                  WHERE tags.repository = repositories.name AND tag NOT LIKE 'sha256-%') AS tags,
                 (SELECT tag FROM tags
                  WHERE tags.repository = repositories.name AND tag NOT LIKE 'sha256-%'
                  ORDER BY updated_at DESC, tag DESC LIMIT 1) AS newest
          FROM repositories
          WHERE EXISTS (SELECT 1 FROM manifests WHERE manifests.repository = repositories.name) AND";

impl Store {
    /// At most `limit` repositories after `last` in byte order, with what a list shows of each.
    pub async fn repository_summaries(
        &self,
        last: Option<&str>,
        limit: u32,
    ) -> Result<Vec<RepositorySummary>, StoreError> {
        let sql = format!(
            "{SUMMARY} name > $1 ORDER BY name LIMIT $2) AS summary
             LEFT JOIN tags ON tags.repository = summary.name AND tags.tag = summary.newest
             ORDER BY summary.name"
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(text(last.unwrap_or_default()))
            .bind(i64::from(limit))
            .fetch_all(self.database.reads())
            .await
            .map_err(StoreError::database("list repositories with their newest tags"))?;
        rows.iter().map(repository_summary).collect()
    }

    /// One repository, where there is one of this name that holds a manifest.
    pub async fn repository_summary(&self, name: &str) -> Result<Option<RepositorySummary>, StoreError> {
        let sql = format!(
            "{SUMMARY} name = $1) AS summary
             LEFT JOIN tags ON tags.repository = summary.name AND tags.tag = summary.newest"
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(text(name))
            .fetch_optional(self.database.reads())
            .await
            .map_err(StoreError::database("look up a repository"))?;
        row.as_ref().map(repository_summary).transpose()
    }

    /// The tags of a repository that point to an index, those that were moved last first, at most `limit`.
    pub async fn tagged_indexes(&self, repository: &str, limit: u32) -> Result<Vec<TagRow>, StoreError> {
        const ACTION: &str = "list the tags that point to an index";
        let rows = sqlx::query(
            "SELECT tags.tag AS tag, tags.digest AS digest, tags.updated_at AS updated_at FROM tags
             JOIN manifests ON manifests.repository = tags.repository AND manifests.digest = tags.digest
             WHERE tags.repository = $1
               AND manifests.media_type IN ('application/vnd.oci.image.index.v1+json',
                                            'application/vnd.docker.distribution.manifest.list.v2+json')
             ORDER BY tags.updated_at DESC, tags.tag LIMIT $2",
        )
        .bind(text(repository))
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

    /// The reports of these images, those that there are, in no order.
    pub async fn report_summaries(&self, images: &[Digest]) -> Result<Vec<ReportSummary>, StoreError> {
        let mut summaries = Vec::new();
        for images in images.chunks(DIGESTS_A_STATEMENT) {
            let sql = format!(
                "SELECT image, index_id, scanned_at, critical, high, medium, low, negligible, unknown, fixable, uncovered
                 FROM reports WHERE image IN {}",
                placeholders(1, images.len())
            );
            let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
            for image in images {
                query = query.bind(image.as_str());
            }
            let action = "look up the reports of a list of images";
            let rows = query.fetch_all(self.database.reads()).await.map_err(StoreError::database(action))?;
            for row in &rows {
                let image = database::digest(row, "image")?;
                summaries.push(report_summary(image, row).map_err(StoreError::database(action))?);
            }
        }
        Ok(summaries)
    }

    /// How many manifests of an artifact type refer to each of these subjects in a repository; those with none are
    /// left out.
    pub async fn referrer_counts(
        &self,
        repository: &str,
        subjects: &[Digest],
        artifact_type: &str,
    ) -> Result<Vec<(Digest, i64)>, StoreError> {
        const ACTION: &str = "count referrers";
        let mut counts = Vec::new();
        for subjects in subjects.chunks(DIGESTS_A_STATEMENT) {
            let digests: Vec<String> = (0..subjects.len()).map(|number| format!("${}", number + 3)).collect();
            let sql = format!(
                "SELECT subject, COUNT(*) AS referrers FROM manifests
                 WHERE repository = $1 AND artifact_type = $2 AND subject IN ({}) GROUP BY subject",
                digests.join(", ")
            );
            let mut query =
                sqlx::query(AssertSqlSafe(sql)).persistent(false).bind(text(repository)).bind(text(artifact_type));
            for subject in subjects {
                query = query.bind(subject.as_str());
            }
            let rows = query.fetch_all(self.database.reads()).await.map_err(StoreError::database(ACTION))?;
            for row in &rows {
                let count = row.try_get("referrers").map_err(StoreError::database(ACTION))?;
                counts.push((database::digest(row, "subject")?, count));
            }
        }
        Ok(counts)
    }
}

fn repository_summary(row: &AnyRow) -> Result<RepositorySummary, StoreError> {
    const ACTION: &str = "read a repository's row";
    let read = || -> Result<_, sqlx::Error> {
        let tag: Option<String> = row.try_get("tag")?;
        let updated_at: Option<String> = row.try_get("updated_at")?;
        Ok((row.try_get("name")?, row.try_get("tags")?, tag.zip(updated_at)))
    };
    let (name, tags, newest) = read().map_err(StoreError::database(ACTION))?;
    let digest = database::optional_digest(row, "digest")?;
    let newest = newest.zip(digest).map(|((tag, updated_at), digest)| TagRow { tag, digest, updated_at });
    Ok(RepositorySummary { name, tags, newest })
}

fn report_summary(image: Digest, row: &AnyRow) -> Result<ReportSummary, sqlx::Error> {
    let count = |column: &str| row.try_get::<i64, _>(column);
    Ok(ReportSummary {
        image,
        index_id: row.try_get("index_id")?,
        scanned_at: row.try_get("scanned_at")?,
        counts: [
            count("critical")?,
            count("high")?,
            count("medium")?,
            count("low")?,
            count("negligible")?,
            count("unknown")?,
        ],
        fixable: count("fixable")?,
        uncovered: count("uncovered")?,
    })
}
