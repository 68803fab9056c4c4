//! What was found in each image: its packages and findings as rows, and the whole report as bytes.

use image::Digest;
use sqlx::any::AnyRow;
use sqlx::{Any, AssertSqlSafe, Row, Transaction};

use crate::database::{self, placeholders, text};
use crate::{Store, StoreError};

/// Rows a statement. SQLite looks for each `$N` among all that it has seen, so that a thousand rows take 50 ms to
/// prepare and thirty a thousandth of that; what a statement costs otherwise is spread over enough rows.
const ROWS_A_STATEMENT: usize = 32;

/// One package of an image, as a row that is looked up by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageRow {
    /// `deb`, `apk`, `pypi`, `npm`.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Source package's name, where it has one.
    pub source: Option<String>,
    /// purl.
    pub purl: String,
    /// Layer, base is 0.
    pub layer: u32,
}

/// One finding of an image, as a row that is looked up by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingRow {
    /// The record's id.
    pub id: String,
    /// The id by which people know it: the CVE among its aliases, else `id`.
    pub cve: String,
    /// `critical` … `unknown`.
    pub severity: String,
    /// Package name and version.
    pub package: String,
    /// Installed version.
    pub version: String,
    /// Fixed version.
    pub fixed: Option<String>,
    /// purl.
    pub purl: String,
}

/// The findings of an image as kept, replaced whole whenever they are made anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRow {
    /// The image's platform manifest.
    pub image: Digest,
    /// Which advisory index answered; other than the present one means: make it anew.
    pub index_id: String,
    /// RFC 3339.
    pub scanned_at: String,
    /// Findings by severity: critical, high, medium, low, negligible, unknown.
    pub counts: [i64; 6],
    /// How many of them have a fix.
    pub fixable: i64,
    /// Packages that no source covers.
    pub uncovered: i64,
    /// `findings::Report`, in the form that it gives itself; opaque here.
    pub report: Vec<u8>,
}

/// An image that waits for its report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingRow {
    /// The image's platform manifest.
    pub image: Digest,
    /// Why it has no report yet, for people.
    pub reason: String,
    /// RFC 3339.
    pub since: String,
}

impl Store {
    /// Keeps an image's report with its rows of packages and findings, replacing earlier ones, in one transaction.
    /// The image is pending no longer.
    pub async fn put_report(
        &self,
        report: &ReportRow,
        packages: &[PackageRow],
        findings: &[FindingRow],
    ) -> Result<(), StoreError> {
        const ACTION: &str = "keep an image's report";
        let image = report.image.as_str();
        let mut transaction = self.database.begin(ACTION).await?;
        for statement in [
            // Replaced in place where it is there, so that no reader sees the image without a report. In PostgreSQL
            // this also makes a second writer of the same image wait.
            UPSERT_REPORT,
            "DELETE FROM report_packages WHERE image = $1",
            "DELETE FROM report_findings WHERE image = $1",
            "DELETE FROM pending_images WHERE image = $1",
        ] {
            let mut query = sqlx::query(statement).bind(image);
            if statement == UPSERT_REPORT {
                query = query.bind(&report.index_id).bind(&report.scanned_at);
                for count in report.counts {
                    query = query.bind(count);
                }
                query = query.bind(report.fixable).bind(report.uncovered).bind(report.report.as_slice());
            }
            query.execute(&mut *transaction).await.map_err(StoreError::database(ACTION))?;
        }
        insert_packages(&mut transaction, image, packages).await.map_err(StoreError::database(ACTION))?;
        insert_findings(&mut transaction, image, findings).await.map_err(StoreError::database(ACTION))?;
        transaction.commit().await.map_err(StoreError::database(ACTION))
    }

    /// An image's report.
    pub async fn report(&self, image: &Digest) -> Result<Option<ReportRow>, StoreError> {
        const ACTION: &str = "look up an image's report";
        // Named one by one: SQLite answers `*` with the names that a connection knew before another one changed the schema.
        let row = sqlx::query(
            "SELECT index_id, scanned_at, critical, high, medium, low, negligible, unknown, fixable, uncovered, report
             FROM reports WHERE image = $1",
        )
        .bind(image.as_str())
        .fetch_optional(self.database.reads())
        .await
        .map_err(StoreError::database(ACTION))?;
        row.map(|row| report_row(image, &row)).transpose().map_err(StoreError::database(ACTION))
    }

    /// Images whose report was made by another index than `index_id`, at most `limit`.
    pub async fn stale_reports(&self, index_id: &str, limit: u32) -> Result<Vec<Digest>, StoreError> {
        let rows = sqlx::query("SELECT image FROM reports WHERE index_id <> $1 ORDER BY image LIMIT $2")
            .bind(index_id)
            .bind(i64::from(limit))
            .fetch_all(self.database.reads())
            .await
            .map_err(StoreError::database("look for stale reports"))?;
        rows.iter().map(|row| database::digest(row, "image")).collect()
    }

    /// Every image (with one finding row each) that has a finding with this id or CVE.
    pub async fn images_with(&self, id: &str) -> Result<Vec<(Digest, FindingRow)>, StoreError> {
        const ACTION: &str = "look for images with a finding";
        let rows = sqlx::query(
            "SELECT * FROM report_findings WHERE id = $1
             UNION SELECT * FROM report_findings WHERE cve = $1
             ORDER BY image, position",
        )
        .bind(text(id))
        .fetch_all(self.database.reads())
        .await
        .map_err(StoreError::database(ACTION))?;
        let mut images: Vec<(Digest, FindingRow)> = Vec::new();
        for row in &rows {
            let image = database::digest(row, "image")?;
            if images.last().is_none_or(|(last, _)| *last != image) {
                images.push((image, finding_row(row).map_err(StoreError::database(ACTION))?));
            }
        }
        Ok(images)
    }

    /// Says that an image waits for its report, and why. Since when stays as it was first said.
    pub async fn put_pending(&self, pending: &PendingRow) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO pending_images (image, reason, since) VALUES ($1, $2, $3)
             ON CONFLICT (image) DO UPDATE SET reason = excluded.reason",
        )
        .bind(pending.image.as_str())
        .bind(text(&pending.reason))
        .bind(&pending.since)
        .execute(self.database.writes())
        .await
        .map_err(StoreError::database("say that an image waits for its report"))?;
        Ok(())
    }

    /// Why an image has no report yet, where it waits for one.
    pub async fn pending(&self, image: &Digest) -> Result<Option<PendingRow>, StoreError> {
        const ACTION: &str = "look up why an image waits for its report";
        let row = sqlx::query("SELECT reason, since FROM pending_images WHERE image = $1")
            .bind(image.as_str())
            .fetch_optional(self.database.reads())
            .await
            .map_err(StoreError::database(ACTION))?;
        let pending = |row: AnyRow| {
            Ok(PendingRow { image: image.clone(), reason: row.try_get("reason")?, since: row.try_get("since")? })
        };
        row.map(pending).transpose().map_err(StoreError::database(ACTION))
    }

    /// Images in any repository that have no report, after `last` in byte order, at most `limit`: those that wait, and
    /// those whose push was cut off before that could be said.
    pub async fn images_without_report(&self, last: Option<&Digest>, limit: u32) -> Result<Vec<Digest>, StoreError> {
        let rows = sqlx::query(
            "SELECT DISTINCT digest FROM manifests
             WHERE media_type IN ('application/vnd.oci.image.manifest.v1+json',
                                  'application/vnd.docker.distribution.manifest.v2+json')
               AND (artifact_type IS NULL
                    OR artifact_type IN ('application/vnd.oci.image.config.v1+json',
                                         'application/vnd.docker.container.image.v1+json'))
               AND digest > $1
               AND NOT EXISTS (SELECT 1 FROM reports WHERE reports.image = manifests.digest)
             ORDER BY digest LIMIT $2",
        )
        .bind(last.map_or("", Digest::as_str))
        .bind(i64::from(limit))
        .fetch_all(self.database.reads())
        .await
        .map_err(StoreError::database("look for images without a report"))?;
        rows.iter().map(|row| database::digest(row, "digest")).collect()
    }
}

const UPSERT_REPORT: &str = "INSERT INTO reports
    (image, index_id, scanned_at, critical, high, medium, low, negligible, unknown, fixable, uncovered, report)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    ON CONFLICT (image) DO UPDATE SET
        index_id = excluded.index_id, scanned_at = excluded.scanned_at, critical = excluded.critical,
        high = excluded.high, medium = excluded.medium, low = excluded.low, negligible = excluded.negligible,
        unknown = excluded.unknown, fixable = excluded.fixable, uncovered = excluded.uncovered, report = excluded.report";

async fn insert_packages(
    transaction: &mut Transaction<'static, Any>,
    image: &str,
    packages: &[PackageRow],
) -> Result<(), sqlx::Error> {
    let mut position = 0_i64..;
    for packages in packages.chunks(ROWS_A_STATEMENT) {
        let sql = format!(
            "INSERT INTO report_packages (image, position, kind, name, version, source, purl, layer) VALUES {}",
            placeholders(packages.len(), 8)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(packages.len() == ROWS_A_STATEMENT);
        for (position, package) in position.by_ref().zip(packages) {
            query = query
                .bind(image)
                .bind(position)
                .bind(text(&package.kind))
                .bind(text(&package.name))
                .bind(text(&package.version))
                .bind(package.source.as_deref().map(text))
                .bind(text(&package.purl))
                .bind(i64::from(package.layer));
        }
        query.execute(&mut **transaction).await?;
    }
    Ok(())
}

async fn insert_findings(
    transaction: &mut Transaction<'static, Any>,
    image: &str,
    findings: &[FindingRow],
) -> Result<(), sqlx::Error> {
    let mut position = 0_i64..;
    for findings in findings.chunks(ROWS_A_STATEMENT) {
        let sql = format!(
            "INSERT INTO report_findings (image, position, id, cve, severity, package, version, fixed, purl) VALUES {}",
            placeholders(findings.len(), 9)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(findings.len() == ROWS_A_STATEMENT);
        for (position, finding) in position.by_ref().zip(findings) {
            query = query
                .bind(image)
                .bind(position)
                .bind(text(&finding.id))
                .bind(text(&finding.cve))
                .bind(text(&finding.severity))
                .bind(text(&finding.package))
                .bind(text(&finding.version))
                .bind(finding.fixed.as_deref().map(text))
                .bind(text(&finding.purl));
        }
        query.execute(&mut **transaction).await?;
    }
    Ok(())
}

fn report_row(image: &Digest, row: &AnyRow) -> Result<ReportRow, sqlx::Error> {
    let count = |column: &str| row.try_get::<i64, _>(column);
    Ok(ReportRow {
        image: image.clone(),
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
        report: row.try_get("report")?,
    })
}

fn finding_row(row: &AnyRow) -> Result<FindingRow, sqlx::Error> {
    Ok(FindingRow {
        id: row.try_get("id")?,
        cve: row.try_get("cve")?,
        severity: row.try_get("severity")?,
        package: row.try_get("package")?,
        version: row.try_get("version")?,
        fixed: row.try_get("fixed")?,
        purl: row.try_get("purl")?,
    })
}
