//! Findings as vulnerabilities: one for each record and what it says, with the components that it affects.

use std::collections::BTreeMap;

use advisory::{Category, Match, Rule, Severity, Suppression};
use serde::Serialize;

use super::super::bill::{Bill, Names, clipped, database, link};
use super::{Property, property};
use crate::Finding;

#[derive(Serialize)]
pub(super) struct Vulnerability<'a> {
    #[serde(rename = "bom-ref")]
    reference: String,
    id: &'a str,
    source: Source,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<Reference<'a>>,
    ratings: Vec<Rating<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recommendation: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    advisories: Vec<Advisory<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    analysis: Option<Analysis<'a>>,
    affects: Vec<Affects<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
}

#[derive(Serialize)]
struct Source {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

#[derive(Serialize)]
struct Reference<'a> {
    id: &'a str,
    source: Source,
}

#[derive(Serialize)]
struct Rating<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vector: Option<&'a str>,
}

#[derive(Serialize)]
struct Advisory<'a> {
    url: &'a str,
}

#[derive(Serialize)]
struct Analysis<'a> {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    justification: Option<&'static str>,
    detail: &'a str,
}

#[derive(Serialize)]
struct Affects<'a> {
    #[serde(rename = "ref")]
    reference: &'a str,
    versions: Vec<Version<'a>>,
}

#[derive(Serialize)]
struct Version<'a> {
    version: &'a str,
    status: &'static str,
}

/// What a record says; where it says different things of two packages they are two vulnerabilities.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    id: &'a str,
    severity: Severity,
    source: Option<&'a str>,
    package: &'a str,
    fixed: Option<&'a str>,
    suppressed: Option<(Rule, &'a str)>,
}

impl<'a> Key<'a> {
    fn of(matched: &'a Match) -> Self {
        let suppressed = matched.suppressed.as_ref().map(|why| (why.rule, why.reason.as_str()));
        Self {
            id: &matched.id,
            severity: matched.severity,
            source: matched.severity_source.as_deref(),
            package: &matched.package,
            fixed: matched.fixed.as_deref(),
            suppressed,
        }
    }
}

/// In the order of the findings.
pub(super) fn vulnerabilities<'a>(bill: &Bill<'a>, names: &'a Names<'a>) -> Vec<Vulnerability<'a>> {
    let mut found: Vec<Vulnerability<'a>> = Vec::new();
    let mut places: BTreeMap<Key<'a>, usize> = BTreeMap::new();
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in bill.all_findings() {
        let Some(component) = names.place_of(&finding.located).and_then(|place| names.of_packages.get(place)) else {
            continue;
        };
        let place = *places.entry(Key::of(&finding.matched)).or_insert_with(|| {
            let time = times.entry(&finding.matched.id).or_default();
            *time += 1;
            found.push(vulnerability(finding, *time));
            found.len() - 1
        });
        let installed = Version { version: &finding.located.package.version, status: "affected" };
        found[place].affects.push(Affects { reference: component, versions: vec![installed] });
    }
    found
}

fn vulnerability(finding: &Finding, time: usize) -> Vulnerability<'_> {
    let matched = &finding.matched;
    let source = |id: &str| {
        let (name, url) = database(id);
        Source { name: name.to_owned(), url: Some(url) }
    };
    let number = if time == 1 { String::new() } else { format!("#{time}") };
    Vulnerability {
        reference: format!("vulnerability:{}{number}", matched.id),
        id: &matched.id,
        source: source(&matched.id),
        references: matched.aliases.iter().map(|id| Reference { id, source: source(id) }).collect(),
        ratings: ratings(matched),
        description: Some(clipped(&matched.summary)).filter(|summary| !summary.is_empty()),
        recommendation: matched.fixed.as_ref().map(|fixed| format!("Upgrade {} to {fixed}", matched.package)),
        advisories: link(&matched.url).map(|url| Advisory { url }).into_iter().collect(),
        updated: matched.modified.as_deref().filter(|time| is_time(time)),
        analysis: matched.suppressed.as_ref().map(analysis),
        affects: Vec::new(),
        properties: properties(matched),
    }
}

/// The severity with what it rests on; where a vendor's word goes before a score, the score as a second one.
fn ratings(matched: &Match) -> Vec<Rating<'_>> {
    // Tenths: a score must not show as 9.800000190734863.
    let score = matched.score.map(|score| (f64::from(score) * 10.0).round() / 10.0);
    let severity = word(matched.severity);
    let said = matched.severity_source.as_deref();
    if let Some((vector, method)) = said.and_then(|said| Some((said, method(said)?))) {
        return vec![Rating { source: None, score, severity, method: Some(method), vector: Some(vector) }];
    }
    let vendor = said.map(|said| said.split_once(':').map_or(said, |(vendor, _)| vendor));
    let source = vendor.map(|name| Source { name: name.to_owned(), url: None });
    let mut ratings = vec![Rating { source, score: None, severity, method: Some("other"), vector: None }];
    ratings.extend(score.map(|score| Rating {
        source: None,
        score: Some(score),
        severity: word(Severity::of_score(score)),
        method: None,
        vector: None,
    }));
    ratings
}

/// How a vector scores, by its first part; none for a vendor's word.
fn method(vector: &str) -> Option<&'static str> {
    let first = vector.split('/').next().unwrap_or_default();
    Some(match first {
        "CVSS:4.0" => "CVSSv4",
        "CVSS:3.1" => "CVSSv31",
        "CVSS:3.0" => "CVSSv3",
        _ if first.trim_start_matches('(').starts_with("AV:") => "CVSSv2",
        _ => return None,
    })
}

fn word(severity: Severity) -> &'static str {
    match severity {
        // CycloneDX has no word for what is known to have no consequence.
        Severity::Negligible => "info",
        other => other.name(),
    }
}

/// Why something is not counted, in CycloneDX's words where they say the same.
fn analysis(why: &Suppression) -> Analysis<'_> {
    let (state, justification) = match why.rule {
        Rule::NotLinked => ("not_affected", Some("code_not_present")),
        Rule::Ignored | Rule::Exception | Rule::Baseline | Rule::Unfixed => ("exploitable", None),
        Rule::Owned | Rule::CustomRange | Rule::ModuleStream | Rule::Repository => ("false_positive", None),
    };
    Analysis { state, justification, detail: &why.reason }
}

fn properties(matched: &Match) -> Vec<Property> {
    let mut properties = vec![property("ecosystem", &matched.ecosystem), property("package", &matched.package)];
    if matched.category == Category::Malware {
        properties.push(property("category", "malware"));
    }
    properties.extend(matched.severity_source.as_ref().map(|said| property("severity", said)));
    properties.extend(matched.fixed.as_ref().map(|fixed| property("fixed-in", fixed)));
    if let Some(kev) = &matched.kev {
        properties.push(property("kev:added", &kev.added));
        properties.extend(kev.due.as_ref().map(|due| property("kev:due", due)));
        properties.push(property("kev:ransomware", kev.ransomware.to_string()));
    }
    if let Some(epss) = &matched.epss {
        properties.push(property("epss:probability", epss.probability.to_string()));
        properties.push(property("epss:percentile", epss.percentile.to_string()));
    }
    properties.extend(matched.suppressed.as_ref().map(|why| property("not-counted", why.rule.name())));
    properties
}

fn is_time(text: &str) -> bool {
    time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).is_ok()
}
