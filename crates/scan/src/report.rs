//! An image's report: made from its inventory and the index in force, and kept with rows that can be looked up.

use findings::Report;
use image::{Digest, Image};
use inventory::{Inventory, cataloguers};
use store::reports::{FindingRow, PackageRow, ReportRow};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::{ScanError, Scanner, about};

impl Scanner {
    /// Matches an inventory against the index in force.
    pub(crate) fn judge(&self, image: &Image, inventory: Inventory, layers_read: usize) -> Result<Report, ScanError> {
        let index = self.advisories().current()?;
        Ok(Report::new(about::of_image(image, layers_read), inventory, index.as_ref())?)
    }

    /// Keeps a report as the image's present one.
    pub(crate) async fn keep_report(&self, report: &Report) -> Result<(), ScanError> {
        let bytes = report.to_bytes().map_err(|source| ScanError::Kept { digest: report.digest.clone(), source })?;
        let row = report_row(report, bytes);
        self.store().put_report(&row, &package_rows(report), &finding_rows(report)).await?;
        Ok(())
    }

    /// The report of an image as it was kept, where the index in force and these cataloguers made it.
    pub(crate) async fn kept_report(&self, image: &Digest) -> Result<Option<Report>, ScanError> {
        let Some(row) = self.store().report(image).await? else { return Ok(None) };
        if row.index_id != self.advisories().identity()?.id {
            return Ok(None);
        }
        match Report::from_bytes(&row.report) {
            Ok(report) if report.cataloguers == cataloguers::VERSION => Ok(Some(report)),
            Ok(_) => Ok(None),
            Err(error) => {
                tracing::warn!(%image, %error, "the kept report cannot be read; it will be made anew");
                Ok(None)
            }
        }
    }
}

pub(crate) fn now() -> String {
    // Formatting a time that the clock just gave fails for no year below 10000.
    OffsetDateTime::now_utc().replace_nanosecond(0).ok().and_then(|now| now.format(&Rfc3339).ok()).unwrap_or_default()
}

fn report_row(report: &Report, bytes: Vec<u8>) -> ReportRow {
    let counts = report.counts();
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    ReportRow {
        image: report.digest.clone(),
        index_id: report.index.id.clone(),
        scanned_at: report.scanned_at.clone(),
        counts: [counts.critical, counts.high, counts.medium, counts.low, counts.negligible, counts.unknown].map(count),
        fixable: count(report.fixable()),
        uncovered: count(report.uncovered_packages()),
        report: bytes,
    }
}

fn package_rows(report: &Report) -> Vec<PackageRow> {
    let row = |located: &inventory::package::Located| PackageRow {
        kind: format!("{:?}", located.package.kind).to_lowercase(),
        name: located.package.name.clone(),
        version: located.package.version.clone(),
        source: located.package.source.as_ref().map(|source| source.name.clone()),
        purl: located.purl.clone(),
        layer: u32::try_from(located.layer).unwrap_or(u32::MAX),
    };
    report.inventory.packages.iter().map(row).collect()
}

fn finding_rows(report: &Report) -> Vec<FindingRow> {
    let row = |finding: &findings::Finding| FindingRow {
        id: finding.matched.id.clone(),
        cve: finding
            .matched
            .aliases
            .iter()
            .find(|alias| alias.starts_with("CVE-"))
            .unwrap_or(&finding.matched.id)
            .clone(),
        severity: finding.matched.severity.name().to_owned(),
        package: finding.located.package.name.clone(),
        version: finding.located.package.version.clone(),
        fixed: finding.matched.fixed.clone(),
        purl: finding.located.purl.clone(),
    };
    report.findings.iter().map(row).collect()
}
