//! `/r/REPOSITORY/-/images/DIGEST`: everything that is known of one image.

use std::collections::BTreeMap;

use ::image::Digest;
use access::{Action, Resource};
use askama::Template;
use axum::response::Response;
use findings::{Group, Report};
use gate::evidence::{Subject, judge};
use gate::{Judgement, Mode};
use inventory::PackageKind;
use serde::Serialize;
use time::OffsetDateTime;

use super::actions::{Renewal, Update, updates};
use super::filter::Filter;
use super::layers::{Layer, layers};
use super::pager::Pager;
use super::text;
use crate::counts::{self, SEVERITIES, word};
use crate::failure::Failure;
use crate::images::{self, Knowledge};
use crate::link::OuterLink;
use crate::reply::{Answer, Frame, answer};
use crate::request::Asked;
use crate::signatures::{Attached, Known, attached};
use crate::{Catalog, address};

/// Updates that the page shows before it says how many more there are; the JSON has all.
const UPDATES: usize = 12;

/// What is not counted and told with its reason; `plimsoll scan --all` lists everything.
const UNCOUNTED: usize = 50;

/// An image.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Image {
    repository: String,
    digest: Digest,
    /// The name to pull by.
    reference: String,
    /// The tags that point to it here, or to an index that names it.
    tags: Vec<String>,
    pushed_at: String,
    #[serde(flatten)]
    knowledge: Knowledge,
    /// What the report says, where there is one.
    report: Option<Told>,
    /// Signatures that are attached to it. Whether they count is in `policy`.
    signatures: Vec<Attached>,
    /// What the policy says of it.
    policy: Verdict,
}

/// What a report says.
#[derive(Clone, Debug, Serialize)]
struct Told {
    platform: String,
    /// The distribution.
    release: Option<String>,
    /// When the advisories that it was held against were put together, RFC 3339.
    index_built_at: String,
    /// Which of the findings are in `findings`.
    filter: Filter,
    /// How many are, and which page of them.
    shown: Pager,
    findings: Vec<Found>,
    /// What to update, what to look at first before others.
    updates: Vec<Update>,
    /// What a newer base image mends.
    base: Option<Renewal>,
    /// What building a layer again without the cache mends.
    rebuilds: Vec<Renewal>,
    /// What applies and is not counted, by reason.
    suppressed: Suppressed,
    /// How many packages of each kind.
    packages: BTreeMap<PackageKind, usize>,
    layers: Vec<Layer>,
    /// Packages that no loaded source covers, by ecosystem.
    uncovered: Vec<Uncovered>,
    /// What could not be read in the image.
    warnings: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Uncovered {
    ecosystem: String,
    packages: usize,
}

/// What applies and is not counted.
#[derive(Clone, Debug, Serialize)]
struct Suppressed {
    /// How much.
    total: usize,
    /// The first of it.
    first: Vec<Uncounted>,
}

#[derive(Clone, Debug, Serialize)]
struct Uncounted {
    /// By which rule: `owned`, `not-linked`, ….
    rule: &'static str,
    reason: String,
    cve: String,
    package: String,
    version: String,
}

/// A finding.
#[derive(Clone, Debug, Serialize)]
struct Found {
    /// The first record's own id.
    id: String,
    /// The id by which people know it.
    cve: String,
    /// The ids of all records that tell of it.
    records: Vec<String>,
    /// Whether the package is malware.
    malware: bool,
    /// When it came into CISA's catalog of exploited vulnerabilities, where it did.
    exploited_since: Option<String>,
    /// How likely it is to be exploited within 30 days, 0 to 1 (EPSS).
    epss: Option<f64>,
    /// The distribution's package that owns the file that tells of the package.
    owner: Option<String>,
    aliases: Vec<String>,
    severity: &'static str,
    score: Option<f32>,
    summary: String,
    package: String,
    version: String,
    /// The source package, where it has another name.
    source: Option<String>,
    purl: String,
    fixed: Option<String>,
    layer: usize,
    /// The file that tells of the package.
    path: String,
    url: Option<OuterLink>,
}

/// What the policy says.
#[derive(Clone, Debug, Serialize)]
struct Verdict {
    /// `off`, `warn`, `enforce`.
    mode: &'static str,
    /// The pattern of the rule that holds.
    rule: Option<String>,
    /// Whether it may be used.
    allowed: bool,
    requirements: Vec<Requirement>,
    exceptions: Vec<Excepted>,
}

#[derive(Clone, Debug, Serialize)]
struct Requirement {
    wanted: String,
    met: bool,
    found: String,
    details: Vec<String>,
    mend: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Excepted {
    id: String,
    reason: String,
    until: Option<String>,
    packages: Vec<String>,
}

#[derive(Debug, Template)]
#[template(path = "image.html")]
struct Page {
    frame: Frame,
    model: Image,
    here: String,
}

impl Answer for Page {
    type Model = Image;
    fn model(&self) -> &Image {
        &self.model
    }
}

impl Page {
    fn previous(&self, told: &Told) -> Option<String> {
        told.shown.previous().map(|page| self.page(told, page))
    }

    fn next(&self, told: &Told) -> Option<String> {
        told.shown.next().map(|page| self.page(told, page))
    }

    /// How many findings there are, chosen or not.
    fn total(&self) -> u64 {
        match &self.model.knowledge {
            Knowledge::Scanned(summary) => summary.counts.total(),
            _ => 0,
        }
    }

    /// This page with another page of findings.
    fn page(&self, told: &Told, page: usize) -> String {
        let layer = told.filter.layer.map(|layer| layer.to_string()).unwrap_or_default();
        let fixable = if told.filter.fixable { "1" } else { "" };
        let severity = told.filter.severity.unwrap_or_default();
        let page = page.to_string();
        address::with_query(
            &self.here,
            &[("severity", severity), ("fixable", fixable), ("layer", &layer), ("page", &page)],
        ) + "#findings"
    }

    /// This page with only what one severity and worse has.
    fn at_least(&self, severity: &str) -> String {
        address::with_query(&self.here, &[("severity", severity)]) + "#findings"
    }

    /// This page with only one layer's findings.
    fn of_layer(&self, layer: usize) -> String {
        address::with_query(&self.here, &[("layer", &layer.to_string())]) + "#findings"
    }
}

/// An image's page.
pub(crate) async fn show(catalog: &Catalog, asked: &Asked, name: &str, digest: &Digest) -> Response {
    let model = load(catalog, asked, name, digest).await;
    answer(catalog, asked, |frame| Ok(Page { frame, model: model?, here: address::image(name, digest) }))
}

async fn load(catalog: &Catalog, asked: &Asked, name: &str, digest: &Digest) -> Result<Image, Failure> {
    asked.may(Action::View, &Resource::Repository(name.to_owned()))?;
    let filter = Filter::of(asked)?;
    let missing = || Failure::NoImage(name.to_owned(), digest.clone());
    let row = catalog.store.manifest(name, digest).await?.ok_or_else(missing)?;
    let manifest = images::manifest(catalog, name, digest).await?.ok_or_else(missing)?;
    let report = kept_report(catalog, digest).await?;
    let known = images::knowledge(catalog, &[(digest.clone(), None)]).await?;
    let knowledge = match known.into_iter().next() {
        Some(known) if report.is_some() || !(manifest.images.is_empty() || manifest.is_index) => known.knowledge,
        _ => Knowledge::NotAnImage,
    };
    let (tags, index) = places(catalog, name, digest).await?;
    let mut signatures = Vec::new();
    for subject in std::iter::once(digest).chain(&index) {
        signatures.extend(attached(catalog, name, subject).await?);
    }
    let reason = match &knowledge {
        Knowledge::Pending { reason, .. } => format!("pending: {reason}"),
        _ => "there is no report of it".to_owned(),
    };
    let evidence = Known::new(catalog, name, report.clone().ok_or(reason));
    let subject =
        Subject { repository: catalog.full_name(name), digest: digest.clone(), index, tag: tags.first().cloned() };
    let judgement = judge(&catalog.policy, &subject, &evidence, OffsetDateTime::now_utc()).await;
    Ok(Image {
        repository: name.to_owned(),
        reference: format!("{}@{digest}", catalog.full_name(name)),
        digest: digest.clone(),
        tags,
        pushed_at: row.pushed_at,
        knowledge,
        report: report.as_ref().map(|report| told(asked, report, filter)).transpose()?,
        signatures,
        policy: Verdict::of(&judgement),
    })
}

/// The report as it is kept.
pub(super) async fn kept_report(catalog: &Catalog, digest: &Digest) -> Result<Option<Report>, Failure> {
    let Some(row) = catalog.store.report(digest).await? else { return Ok(None) };
    let report = Report::from_bytes(&row.report).map_err(|error| Failure::Report(digest.clone(), error))?;
    Ok(Some(report))
}

/// The tags of a repository that lead to an image, and the newest index that names it, where a tag points to one.
async fn places(catalog: &Catalog, name: &str, digest: &Digest) -> Result<(Vec<String>, Option<Digest>), Failure> {
    /// Indexes that are looked through. Repositories with more leave out the oldest tags of an image.
    const MOST_INDEXES: u32 = 200;
    let direct = catalog.store.places_of(digest).await?.into_iter();
    let mut tags: Vec<String> =
        direct.filter(|(repository, _)| repository == name).filter_map(|(_, tag)| tag).collect();
    let mut index = None;
    for row in catalog.store.tagged_indexes(name, MOST_INDEXES).await? {
        if let Some(manifest) = images::manifest(catalog, name, &row.digest).await?
            && manifest.images.iter().any(|(image, _)| image == digest)
        {
            tags.push(row.tag);
            index.get_or_insert(row.digest);
        }
    }
    Ok((tags, index))
}

fn told(asked: &Asked, report: &Report, filter: Filter) -> Result<Told, Failure> {
    let mut packages: BTreeMap<PackageKind, usize> = BTreeMap::new();
    for located in &report.inventory.packages {
        *packages.entry(located.package.kind).or_default() += 1;
    }
    let actions = report.actions();
    let found: Vec<Group<'_>> = report.groups().into_iter().filter(|group| filter.shows(group)).collect();
    let (shown, findings) = Pager::cut(asked, found)?;
    let release = report.inventory.release.as_ref().map(|release| {
        let named = || format!("{} {}", release.id, release.version_id).trim().to_owned();
        release.pretty_name.clone().unwrap_or_else(named)
    });
    let uncovered = report.uncovered.iter();
    Ok(Told {
        platform: report.platform.clone(),
        release,
        index_built_at: report.index.built_at.clone(),
        filter,
        shown,
        findings: findings.iter().map(Found::of).collect(),
        updates: updates(&actions),
        base: actions.base.as_ref().map(Renewal::of),
        rebuilds: actions.rebuilds.iter().map(Renewal::of).collect(),
        suppressed: Suppressed::of(report),
        packages,
        layers: layers(report),
        uncovered: uncovered
            .map(|(ecosystem, packages)| Uncovered { ecosystem: ecosystem.clone(), packages: *packages })
            .collect(),
        warnings: report.inventory.warnings.clone(),
    })
}

impl Suppressed {
    fn of(report: &Report) -> Self {
        let groups = report.suppressed_groups();
        let told = groups.iter().filter_map(|group| {
            let suppression = group.first().matched.suppressed.as_ref()?;
            let package = &group.located().package;
            Some(Uncounted {
                rule: suppression.rule.name(),
                reason: suppression.reason.clone(),
                cve: group.known_as().to_owned(),
                package: package.name.clone(),
                version: package.version.clone(),
            })
        });
        Self { total: groups.len(), first: told.take(UNCOUNTED).collect() }
    }
}

impl Found {
    fn of(group: &Group<'_>) -> Self {
        let located = group.located();
        let package = &located.package;
        let matched = &group.first().matched;
        let source = package.source.as_ref().map(|source| source.name.clone()).filter(|name| *name != package.name);
        let known = group.known_as();
        let records = group.records().iter().chain(group.also()).map(|record| record.matched.id.clone());
        let scores = group.records().iter().filter_map(|record| record.matched.score);
        Self {
            id: matched.id.clone(),
            cve: known.to_owned(),
            records: records.collect(),
            malware: group.is_malware(),
            exploited_since: group.kev().map(|kev| kev.added.clone()),
            epss: group.epss().map(|epss| (f64::from(epss.probability) * 1e5).round() / 1e5),
            owner: located.owner.as_ref().map(|owner| format!("{} {}", owner.name, owner.version)),
            aliases: group.ids().into_iter().filter(|id| *id != matched.id).map(str::to_owned).collect(),
            severity: word(group.severity()),
            score: scores.reduce(f32::max),
            summary: matched.summary.clone(),
            package: package.name.clone(),
            version: package.version.clone(),
            source,
            purl: located.purl.clone(),
            fixed: group.fixed().map(str::to_owned),
            layer: located.layer,
            path: located.path.clone(),
            url: OuterLink::parse(&matched.url),
        }
    }

    /// The ids of records that the CVE does not say already.
    fn other_records(&self) -> String {
        let others = self.records.iter().filter(|id| **id != self.cve && !id.ends_with(&format!("-{}", self.cve)));
        others.cloned().collect::<Vec<_>>().join(", ")
    }

    /// How likely, in words, where it is likely.
    fn likely(&self) -> Option<String> {
        let probability = self.epss.filter(|probability| *probability >= f64::from(findings::urgency::LIKELY))?;
        Some(format!("likely {:.0} %", probability * 100.0))
    }
}

impl Verdict {
    fn of(judgement: &Judgement) -> Self {
        let requirements = judgement.requirements.iter().cloned().map(|requirement| Requirement {
            wanted: requirement.wanted,
            met: requirement.met,
            found: requirement.found,
            details: requirement.details,
            mend: requirement.mend,
        });
        let exceptions = judgement.excepted.iter().cloned().map(|excepted| Excepted {
            id: excepted.id,
            reason: excepted.reason,
            until: excepted.until.map(|date| date.to_string()),
            packages: excepted.packages,
        });
        Self {
            mode: judgement.mode.as_str(),
            rule: judgement.rule.as_ref().map(|rule| rule.pattern.clone()),
            allowed: judgement.mode != Mode::Enforce || judgement.all_met(),
            requirements: requirements.collect(),
            exceptions: exceptions.collect(),
        }
    }
}
