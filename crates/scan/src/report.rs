//! An image's report: made from its inventory and the index in force, and kept with rows that can be looked up.

use std::collections::BTreeMap;

use advisory::ecosystem::home;
use advisory::{Index, Severity, Verdict};
use findings::report::IndexIdentity;
use findings::{Finding, Report};
use image::{Digest, Image};
use inventory::Inventory;
use store::reports::{FindingRow, PackageRow, ReportRow};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::{ScanError, Scanner};

impl Scanner {
    /// Matches an inventory against the index in force.
    pub(crate) fn judge(&self, image: &Image, inventory: Inventory, layers_read: usize) -> Result<Report, ScanError> {
        let index = self.advisories().current()?;
        let identity = index.as_ref().map(Index::identity).unwrap_or_default();
        let (mut findings, mut uncovered) = (Vec::new(), BTreeMap::<String, usize>::new());
        for located in &inventory.packages {
            let verdict = match &index {
                Some(index) => index.verdict(&located.package, inventory.release.as_ref())?,
                None => Verdict::Unknown { ecosystem: home(&located.package, inventory.release.as_ref()).ecosystem },
            };
            match verdict {
                Verdict::Covered(matches) => {
                    findings.extend(matches.into_iter().map(|matched| Finding { matched, located: located.clone() }))
                }
                Verdict::Unknown { ecosystem } => *uncovered.entry(ecosystem).or_default() += 1,
            }
        }
        findings.sort_by(|one, other| other.matched.severity.cmp(&one.matched.severity));
        Ok(Report {
            name: image.name.clone(),
            digest: image.digest.clone(),
            platform: image::Platform::of_config(&image.config).to_string(),
            scanned_at: now(),
            index: IndexIdentity { id: identity.id, built_at: identity.built_at },
            inventory,
            history: image.layers.iter().map(|layer| layer.created_by.clone()).collect(),
            findings,
            uncovered: uncovered.into_iter().collect(),
            layers_read,
        })
    }

    /// Keeps a report as the image's present one.
    pub(crate) async fn keep_report(&self, report: &Report) -> Result<(), ScanError> {
        let json =
            serde_json::to_vec(report).map_err(|source| ScanError::Json { digest: report.digest.clone(), source })?;
        let row = report_row(report, json);
        self.store().put_report(&row, &package_rows(report), &finding_rows(report)).await?;
        Ok(())
    }

    /// The report of an image as it was kept, where the index in force made it.
    pub(crate) async fn kept_report(&self, image: &Digest) -> Result<Option<Report>, ScanError> {
        let Some(row) = self.store().report(image).await? else { return Ok(None) };
        if row.index_id != self.advisories().identity()?.id {
            return Ok(None);
        }
        match serde_json::from_slice(&row.json) {
            Ok(report) => Ok(Some(report)),
            Err(error) => {
                tracing::warn!(%image, %error, "the kept report cannot be read; it will be made anew");
                Ok(None)
            }
        }
    }
}

fn now() -> String {
    // Formatting a time that the clock just gave fails for no year below 10000.
    OffsetDateTime::now_utc().replace_nanosecond(0).ok().and_then(|now| now.format(&Rfc3339).ok()).unwrap_or_default()
}

fn report_row(report: &Report, json: Vec<u8>) -> ReportRow {
    let of = |severity: Severity| report.findings.iter().filter(|finding| finding.matched.severity == severity).count();
    let order =
        [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Negligible, Severity::Unknown];
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    ReportRow {
        image: report.digest.clone(),
        index_id: report.index.id.clone(),
        scanned_at: report.scanned_at.clone(),
        counts: order.map(|severity| count(of(severity))),
        fixable: count(report.findings.iter().filter(|finding| finding.matched.fixed.is_some()).count()),
        uncovered: count(report.uncovered.iter().map(|(_, number)| number).sum()),
        json,
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
