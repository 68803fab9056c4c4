//! JSON of our own shape, which `docs/report.schema.json` defines and `docs/scanning.md` explains.
//!
//! It is apart from how a report is kept in the store, so that what is kept may change without breaking who reads this.

use advisory::end_of_life::end_of_life;
use advisory::matcher::FixElsewhere;
use advisory::{Affected, Category, Epss, Kev, Severity, Suppression};
use inventory::package::{Gone, Located};
use inventory::{Inventory, LinkedText, PackageKind};
use serde::Serialize;

use super::bill::{Bill, linked};
use crate::actions::{Actions, OfLayer, Upgrade};
use crate::{Counts, Finding, PackageVerdict, Report, Subject, escape, group};

/// The version of the shape: fields may be added within a major version, and are never removed or changed.
pub const SCHEMA_VERSION: &str = "1.1";

/// The report as JSON, indented, with a line feed at its end.
pub fn json(report: &Report) -> serde_json::Result<Vec<u8>> {
    let mut text = escape::json(serde_json::to_string_pretty(&Document::of(report, &report.actions()))?);
    text.push('\n');
    Ok(text.into_bytes())
}

/// The packages of a bill in the same shape, without what only a judgement could say.
pub fn packages_json(bill: &Bill<'_>) -> serde_json::Result<Vec<u8>> {
    let inventory = bill.inventory;
    let mut linked = linked(inventory);
    let mut list: Vec<JsonPackage<'_>> =
        inventory.packages.iter().map(|located| JsonPackage::of(located, None)).collect();
    for package in &mut list {
        package.linked = linked.remove(&(package.path, package.name));
    }
    let document = Packages {
        schema_version: SCHEMA_VERSION,
        image: Image::of(bill),
        scanned_at: bill.made_at,
        unverified_layers: &inventory.unverified,
        list,
        gone: inventory.gone.iter().map(JsonGone::of).collect(),
        warnings: &inventory.warnings,
    };
    let mut text = escape::json(serde_json::to_string_pretty(&document)?);
    text.push('\n');
    Ok(text.into_bytes())
}

#[derive(Serialize)]
struct Packages<'a> {
    schema_version: &'static str,
    image: Image<'a>,
    scanned_at: &'a str,
    unverified_layers: &'a [usize],
    #[serde(rename = "packages")]
    list: Vec<JsonPackage<'a>>,
    gone: Vec<JsonGone<'a>>,
    warnings: &'a [String],
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
    suppressed: Vec<JsonFinding<'a>>,
    actions: JsonActions<'a>,
    uncovered: Vec<Uncovered<'a>>,
    packages: Vec<JsonPackage<'a>>,
    gone: Vec<JsonGone<'a>>,
    notes: &'a [String],
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
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    content_sets: &'a [String],
}

#[derive(Serialize)]
struct Distribution<'a> {
    id: &'a str,
    version: Option<&'a str>,
    codename: Option<&'a str>,
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    like: &'a [String],
    end_of_life: Option<&'static str>,
    told: bool,
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
    records: usize,
    fixable: usize,
    exploited: usize,
    suppressed: usize,
    worst: Option<Severity>,
    by_severity: Counts,
}

#[derive(Serialize)]
pub(super) struct JsonFinding<'a> {
    id: &'a str,
    known_as: &'a str,
    aliases: &'a [String],
    groups: Vec<&'a str>,
    category: Category,
    summary: &'a str,
    severity: Severity,
    severity_source: Option<&'a str>,
    score: Option<f64>,
    matched: Matched<'a>,
    affected: JsonAffected<'a>,
    fixed_in: Option<&'a str>,
    fixed_elsewhere: Option<&'a FixElsewhere>,
    kev: Option<&'a Kev>,
    epss: Option<JsonEpss<'a>>,
    suppressed: Option<&'a Suppression>,
    url: &'a str,
    modified: Option<&'a str>,
    package: JsonPackage<'a>,
}

/// What of the record holds the version.
#[derive(Serialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
enum JsonAffected<'a> {
    Listed,
    Range { introduced: &'a str, fixed: Option<&'a str>, last_affected: Option<&'a str> },
}

#[derive(Serialize)]
struct JsonEpss<'a> {
    cve: &'a str,
    probability: f64,
    percentile: f64,
}

#[derive(Serialize)]
struct JsonActions<'a> {
    removable: usize,
    without_fix: Counts,
    upgrades: Vec<JsonUpgrade<'a>>,
    base: Option<JsonOfLayer<'a>>,
    rebuilds: Vec<JsonOfLayer<'a>>,
}

#[derive(Serialize)]
struct JsonUpgrade<'a> {
    kind: PackageKind,
    package: &'a str,
    installed: &'a str,
    fixed: &'a [String],
    removes: usize,
    by_severity: Counts,
    exploited: usize,
    packages: &'a [String],
    layers: &'a [usize],
    command: Option<&'a str>,
}

#[derive(Serialize)]
struct JsonOfLayer<'a> {
    layer: usize,
    created_by: Option<&'a str>,
    removes: usize,
    by_severity: Counts,
}

#[derive(Serialize)]
struct JsonGone<'a> {
    kind: PackageKind,
    name: &'a str,
    version: &'a str,
    purl: &'a str,
    path: &'a str,
    layer: usize,
    by: usize,
    replaced_by: Option<&'a str>,
}

#[derive(Serialize)]
struct JsonOwner<'a> {
    kind: PackageKind,
    name: &'a str,
    version: &'a str,
    vendor: Option<&'a str>,
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
pub(super) struct JsonPackage<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<PackageVerdict>,
    kind: PackageKind,
    name: &'a str,
    version: &'a str,
    architecture: Option<&'a str>,
    source: Option<Source<'a>>,
    licences: &'a [String],
    vendor: Option<&'a str>,
    module: Option<&'a str>,
    purl: &'a str,
    path: &'a str,
    inside: Option<&'a str>,
    layer: usize,
    owner: Option<JsonOwner<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    linked: Option<LinkedText>,
}

#[derive(Serialize)]
struct Source<'a> {
    name: &'a str,
    version: &'a str,
}

impl<'a> Document<'a> {
    fn of(report: &'a Report, actions: &'a Actions) -> Self {
        let groups = report.groups();
        let counts: Counts = groups.iter().map(crate::Group::severity).collect();
        let present = |text: &'a str| Some(text).filter(|text| !text.is_empty());
        Self {
            schema_version: SCHEMA_VERSION,
            image: Image::of(&Bill::of_report(report, false)),
            scanned_at: &report.scanned_at,
            layers_read: report.layers_read,
            unverified_layers: &report.inventory.unverified,
            advisories: Advisories { id: present(&report.index.id), oldest: present(&report.index.built_at) },
            summary: Summary {
                packages: report.inventory.packages.len(),
                uncovered_packages: report.uncovered_packages(),
                findings: counts.total(),
                records: report.findings.len(),
                fixable: groups.iter().filter(|group| group.is_fixable()).count(),
                exploited: groups.iter().filter(|group| group.kev().is_some()).count(),
                suppressed: report.suppressed_groups().len(),
                worst: counts.worst(),
                by_severity: counts,
            },
            findings: findings(&report.findings, report.group_keys()),
            suppressed: findings(&report.suppressed, group::keys(&report.suppressed, &report.findings)),
            actions: JsonActions::of(actions),
            uncovered: report
                .uncovered
                .iter()
                .map(|(ecosystem, packages)| Uncovered { ecosystem, packages: *packages })
                .collect(),
            packages: packages(report),
            gone: report.inventory.gone.iter().map(JsonGone::of).collect(),
            notes: &report.notes,
            warnings: &report.inventory.warnings,
        }
    }
}

impl<'a> Image<'a> {
    fn of(bill: &Bill<'a>) -> Self {
        let history = bill.history.iter().map(Option::as_deref).chain(std::iter::repeat(None));
        let layers = bill.inventory.layers.iter().zip(history);
        Self {
            name: bill.name,
            kind: bill.subject,
            digest: bill.digest.as_str(),
            platform: bill.platform,
            distribution: Distribution::of(bill.inventory),
            layers: layers.map(|(diff_id, by)| Layer { diff_id: diff_id.as_str(), created_by: by }).collect(),
            content_sets: &bill.inventory.content_sets,
        }
    }
}

impl<'a> Distribution<'a> {
    fn of(inventory: &'a Inventory) -> Option<Self> {
        let release = inventory.release.as_ref()?;
        Some(Self {
            id: &release.id,
            version: Some(release.version_id.as_str()).filter(|version| !version.is_empty()),
            codename: release.codename.as_deref(),
            name: release.pretty_name.as_deref(),
            like: &release.id_like,
            end_of_life: end_of_life(release),
            told: inventory.release_told,
        })
    }
}

/// Findings with the keys of their groups.
fn findings<'a>(findings: &'a [Finding], keys: Vec<Vec<&'a str>>) -> Vec<JsonFinding<'a>> {
    let of = |(finding, groups): (&'a Finding, Vec<&'a str>)| JsonFinding::of(finding, groups);
    findings.iter().zip(keys).map(of).collect()
}

/// Every package with what is known of it.
fn packages(report: &Report) -> Vec<JsonPackage<'_>> {
    let packages = report.inventory.packages.iter().zip(report.package_verdicts());
    packages.map(|(located, verdict)| JsonPackage::of(located, Some(verdict))).collect()
}

impl<'a> JsonFinding<'a> {
    pub(super) fn of(finding: &'a Finding, groups: Vec<&'a str>) -> Self {
        let matched = &finding.matched;
        let verdict = match &matched.suppressed {
            None => PackageVerdict::Affected,
            Some(suppression) if suppression.rule == advisory::Rule::Owned => PackageVerdict::ByOwner,
            Some(_) => PackageVerdict::NoneKnown,
        };
        Self {
            id: &matched.id,
            known_as: matched.known_as(),
            aliases: &matched.aliases,
            groups,
            category: matched.category,
            summary: &matched.summary,
            severity: matched.severity,
            severity_source: matched.severity_source.as_deref(),
            // Tenths: a score must not show as 9.800000190734863.
            score: matched.score.map(|score| digits(score, 10.0)),
            matched: Matched { ecosystem: &matched.ecosystem, name: &matched.package },
            affected: JsonAffected::of(&matched.affected),
            fixed_in: matched.fixed.as_deref(),
            fixed_elsewhere: matched.fixed_elsewhere.as_ref(),
            kev: matched.kev.as_ref(),
            epss: matched.epss.as_ref().map(JsonEpss::of),
            suppressed: matched.suppressed.as_ref(),
            url: &matched.url,
            modified: matched.modified.as_deref(),
            package: JsonPackage::of(&finding.located, Some(verdict)),
        }
    }
}

fn digits(number: f32, parts: f64) -> f64 {
    (f64::from(number) * parts).round() / parts
}

impl<'a> JsonAffected<'a> {
    fn of(affected: &'a Affected) -> Self {
        match affected {
            Affected::Listed => Self::Listed,
            Affected::Range { introduced, fixed, last_affected } => {
                Self::Range { introduced, fixed: fixed.as_deref(), last_affected: last_affected.as_deref() }
            }
        }
    }
}

impl<'a> JsonEpss<'a> {
    fn of(epss: &'a Epss) -> Self {
        // FIRST writes five digits.
        let of = |number| digits(number, 100_000.0);
        Self { cve: &epss.cve, probability: of(epss.probability), percentile: of(epss.percentile) }
    }
}

impl<'a> JsonActions<'a> {
    fn of(actions: &'a Actions) -> Self {
        Self {
            removable: actions.removable(),
            without_fix: actions.without_fix,
            upgrades: actions.upgrades.iter().map(JsonUpgrade::of).collect(),
            base: actions.base.as_ref().map(JsonOfLayer::of),
            rebuilds: actions.rebuilds.iter().map(JsonOfLayer::of).collect(),
        }
    }
}

impl<'a> JsonUpgrade<'a> {
    fn of(upgrade: &'a Upgrade) -> Self {
        Self {
            kind: upgrade.kind,
            package: &upgrade.package,
            installed: &upgrade.installed,
            fixed: &upgrade.fixed,
            removes: upgrade.removes.total(),
            by_severity: upgrade.removes,
            exploited: upgrade.exploited,
            packages: &upgrade.packages,
            layers: &upgrade.layers,
            command: upgrade.command.as_deref(),
        }
    }
}

impl<'a> JsonOfLayer<'a> {
    fn of(of_layer: &'a OfLayer) -> Self {
        Self {
            layer: of_layer.layer,
            created_by: of_layer.created_by.as_deref(),
            removes: of_layer.removes.total(),
            by_severity: of_layer.removes,
        }
    }
}

impl<'a> JsonGone<'a> {
    fn of(gone: &'a Gone) -> Self {
        let located = &gone.located;
        Self {
            kind: located.package.kind,
            name: &located.package.name,
            version: &located.package.version,
            purl: &located.purl,
            path: &located.path,
            layer: located.layer,
            by: gone.by,
            replaced_by: gone.replaced_by.as_deref(),
        }
    }
}

impl<'a> JsonPackage<'a> {
    fn of(located: &'a Located, verdict: Option<PackageVerdict>) -> Self {
        let package = &located.package;
        let source = package.source.as_ref();
        let owner = located.owner.as_ref();
        Self {
            verdict,
            kind: package.kind,
            name: &package.name,
            version: &package.version,
            architecture: package.architecture.as_deref(),
            source: source.map(|source| Source { name: &source.name, version: &source.version }),
            licences: &package.licences,
            vendor: package.vendor.as_deref(),
            module: package.module.as_deref(),
            purl: &located.purl,
            path: &located.path,
            inside: package.inside.as_deref(),
            layer: located.layer,
            owner: owner.map(|owner| JsonOwner {
                kind: owner.kind,
                name: &owner.name,
                version: &owner.version,
                vendor: owner.vendor.as_deref(),
            }),
            linked: None,
        }
    }
}
