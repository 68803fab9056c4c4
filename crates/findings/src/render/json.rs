//! JSON of our own shape, which `docs/report.schema.json` defines and `docs/scanning.md` explains.
//!
//! It is apart from how a report is kept in the store, so that what is kept may change without breaking who reads this.

use advisory::Severity;
use inventory::package::Located;
use inventory::{PackageKind, Release};
use serde::Serialize;

use crate::{Counts, Finding, Report, Subject, escape};

/// The version of the shape: fields may be added within a major version, and are never removed or changed.
pub const SCHEMA_VERSION: &str = "1.0";

/// The report as JSON, indented, with a line feed at its end.
pub fn json(report: &Report) -> serde_json::Result<Vec<u8>> {
    let mut text = escape::json(&serde_json::to_string_pretty(&Document::of(report))?);
    text.push('\n');
    Ok(text.into_bytes())
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: &'static str,
    image: Image<'a>,
    scanned_at: &'a str,
    layers_read: usize,
    unverified_layers: &'a [usize],
    advisories: Advisories<'a>,
    summary: Summary,
    findings: Vec<JsonFinding<'a>>,
    uncovered: Vec<Uncovered<'a>>,
    packages: Vec<JsonPackage<'a>>,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct Image<'a> {
    name: &'a str,
    kind: Subject,
    digest: &'a str,
    platform: &'a str,
    distribution: Option<Distribution<'a>>,
    layers: Vec<Layer<'a>>,
}

#[derive(Serialize)]
struct Distribution<'a> {
    id: &'a str,
    version: Option<&'a str>,
    codename: Option<&'a str>,
    name: Option<&'a str>,
}

#[derive(Serialize)]
struct Layer<'a> {
    diff_id: &'a str,
    created_by: Option<&'a str>,
}

#[derive(Serialize)]
struct Advisories<'a> {
    id: Option<&'a str>,
    oldest: Option<&'a str>,
}

#[derive(Serialize)]
struct Summary {
    packages: usize,
    uncovered_packages: usize,
    findings: usize,
    fixable: usize,
    worst: Option<Severity>,
    by_severity: Counts,
}

#[derive(Serialize)]
struct JsonFinding<'a> {
    id: &'a str,
    known_as: &'a str,
    aliases: &'a [String],
    summary: &'a str,
    severity: Severity,
    severity_source: Option<&'a str>,
    score: Option<f64>,
    matched: Matched<'a>,
    fixed_in: Option<&'a str>,
    url: &'a str,
    modified: Option<&'a str>,
    package: JsonPackage<'a>,
}

#[derive(Serialize)]
struct Matched<'a> {
    ecosystem: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct Uncovered<'a> {
    ecosystem: &'a str,
    packages: usize,
}

#[derive(Serialize)]
struct JsonPackage<'a> {
    kind: PackageKind,
    name: &'a str,
    version: &'a str,
    architecture: Option<&'a str>,
    source: Option<Source<'a>>,
    licences: &'a [String],
    purl: &'a str,
    path: &'a str,
    layer: usize,
}

#[derive(Serialize)]
struct Source<'a> {
    name: &'a str,
    version: &'a str,
}

impl<'a> Document<'a> {
    fn of(report: &'a Report) -> Self {
        let counts = report.counts();
        let history = report.history.iter().map(Option::as_deref).chain(std::iter::repeat(None));
        let layers = report.inventory.layers.iter().zip(history);
        let present = |text: &'a str| Some(text).filter(|text| !text.is_empty());
        Self {
            schema_version: SCHEMA_VERSION,
            image: Image {
                name: &report.name,
                kind: report.subject,
                digest: report.digest.as_str(),
                platform: &report.platform,
                distribution: report.inventory.release.as_ref().map(Distribution::of),
                layers: layers.map(|(diff_id, by)| Layer { diff_id: diff_id.as_str(), created_by: by }).collect(),
            },
            scanned_at: &report.scanned_at,
            layers_read: report.layers_read,
            unverified_layers: &report.inventory.unverified,
            advisories: Advisories { id: present(&report.index.id), oldest: present(&report.index.built_at) },
            summary: Summary {
                packages: report.inventory.packages.len(),
                uncovered_packages: report.uncovered_packages(),
                findings: counts.total(),
                fixable: report.fixable(),
                worst: counts.worst(),
                by_severity: counts,
            },
            findings: report.findings.iter().map(JsonFinding::of).collect(),
            uncovered: report
                .uncovered
                .iter()
                .map(|(ecosystem, packages)| Uncovered { ecosystem, packages: *packages })
                .collect(),
            packages: report.inventory.packages.iter().map(JsonPackage::of).collect(),
            warnings: &report.inventory.warnings,
        }
    }
}

impl<'a> Distribution<'a> {
    fn of(release: &'a Release) -> Self {
        Self {
            id: &release.id,
            version: Some(release.version_id.as_str()).filter(|version| !version.is_empty()),
            codename: release.codename.as_deref(),
            name: release.pretty_name.as_deref(),
        }
    }
}

impl<'a> JsonFinding<'a> {
    fn of(finding: &'a Finding) -> Self {
        let matched = &finding.matched;
        Self {
            id: &matched.id,
            known_as: matched.known_as(),
            aliases: &matched.aliases,
            summary: &matched.summary,
            severity: matched.severity,
            severity_source: matched.severity_source.as_deref(),
            // Tenths: a score must not show as 9.800000190734863.
            score: matched.score.map(|score| (f64::from(score) * 10.0).round() / 10.0),
            matched: Matched { ecosystem: &matched.ecosystem, name: &matched.package },
            fixed_in: matched.fixed.as_deref(),
            url: &matched.url,
            modified: matched.modified.as_deref(),
            package: JsonPackage::of(&finding.located),
        }
    }
}

impl<'a> JsonPackage<'a> {
    fn of(located: &'a Located) -> Self {
        let package = &located.package;
        let source = package.source.as_ref();
        Self {
            kind: package.kind,
            name: &package.name,
            version: &package.version,
            architecture: package.architecture.as_deref(),
            source: source.map(|source| Source { name: &source.name, version: &source.version }),
            licences: &package.licences,
            purl: &located.purl,
            path: &located.path,
            layer: located.layer,
        }
    }
}
