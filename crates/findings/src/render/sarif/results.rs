//! A result for each package that a vulnerability is in.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;

use image::Digest;
use serde::Serialize;

use super::super::bill::{clipped, encoded};
use super::Message;
use super::rules::{Rule, level};
use crate::{Finding, Report, Subject};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SarifResult<'a> {
    rule_id: &'a str,
    pub(super) rule_index: usize,
    level: &'static str,
    message: Message,
    locations: [Location<'a>; 1],
    partial_fingerprints: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressions: Option<[Suppressed<'a>; 1]>,
    properties: BTreeMap<&'static str, serde_json::Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location<'a> {
    #[serde(rename = "physicalLocation")]
    file: PhysicalLocation,
    logical_locations: [LogicalLocation<'a>; 1],
    message: Message,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

/// GitHub shows no result without a line. The file tells of many packages, and which line is of no use to anybody.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: u32,
    end_line: u32,
    end_column: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation<'a> {
    name: &'a str,
    fully_qualified_name: &'a str,
    kind: &'static str,
}

#[derive(Serialize)]
struct Suppressed<'a> {
    kind: &'static str,
    status: &'static str,
    justification: &'a str,
}

/// The rules in the order in which findings first need them, and the results in the order of the findings.
pub(super) fn results(report: &Report, all: bool) -> (Vec<Rule<'_>>, Vec<SarifResult<'_>>) {
    let suppressed = if all { report.suppressed.as_slice() } else { &[] };
    let (mut rules, mut results): (Vec<Rule<'_>>, Vec<SarifResult<'_>>) = (Vec::new(), Vec::new());
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut seen = HashSet::new();
    for finding in report.findings.iter().chain(suppressed) {
        let (matched, package) = (&finding.matched, &finding.located.package);
        if !seen.insert((&matched.id, package.kind, &package.name, &package.version, &finding.located.path)) {
            continue;
        }
        let place = *places.entry(&matched.id).or_insert_with(|| {
            rules.push(Rule::of(finding));
            rules.len() - 1
        });
        if matched.suppressed.is_none() {
            rules[place].also(finding);
        }
        results.push(result(report, finding, place));
    }
    (rules, results)
}

fn result<'a>(report: &'a Report, finding: &'a Finding, rule_index: usize) -> SarifResult<'a> {
    let (matched, located) = (&finding.matched, &finding.located);
    SarifResult {
        rule_id: &matched.id,
        rule_index,
        level: level(matched.severity),
        message: Message::text(sentence(finding)),
        locations: [location(report, finding)],
        partial_fingerprints: fingerprints(finding),
        suppressions: matched
            .suppressed
            .as_ref()
            .map(|why| [Suppressed { kind: "external", status: "accepted", justification: &why.reason }]),
        properties: BTreeMap::from([
            ("purl", located.purl.as_str().into()),
            ("installedVersion", located.package.version.as_str().into()),
            ("fixedVersion", matched.fixed.as_deref().into()),
            ("layer", located.layer.into()),
            ("severity", matched.severity.name().into()),
        ]),
    }
}

fn sentence(finding: &Finding) -> String {
    let (matched, package) = (&finding.matched, &finding.located.package);
    let fix = match &matched.fixed {
        Some(fixed) => format!("fixed in {fixed}"),
        None => "no fixed version is known".into(),
    };
    let id = if matched.known_as() == matched.id {
        matched.id.clone()
    } else {
        format!("{} ({})", matched.known_as(), matched.id)
    };
    let summary = if matched.summary.is_empty() { String::new() } else { format!(": {}", matched.summary) };
    clipped(&format!("{} {} is affected by {id}; {fix}{summary}", package.name, package.version))
}

fn location<'a>(report: &'a Report, finding: &'a Finding) -> Location<'a> {
    let located = &finding.located;
    let mut place = format!("{} {} in {}", located.package.name, located.package.version, located.place());
    if report.subject == Subject::Image {
        let _ = write!(place, ", layer {}", located.layer);
        let digest = report.inventory.layers.get(located.layer);
        place.extend(digest.map(|digest| format!(" ({digest})")));
        let line = report.history.get(located.layer).and_then(Option::as_deref);
        place.extend(line.map(|line| format!(", made by {line}")));
    }
    Location {
        file: PhysicalLocation {
            artifact_location: ArtifactLocation { uri: relative_uri(&located.path) },
            region: Region { start_line: 1, start_column: 1, end_line: 1, end_column: 1 },
        },
        logical_locations: [LogicalLocation {
            name: &located.package.name,
            fully_qualified_name: &located.purl,
            kind: "package",
        }],
        message: Message::text(clipped(&place)),
    }
}

/// The path from the image's root, as a relative reference (RFC 3986, section 4.2): its first part has no colon.
fn relative_uri(path: &str) -> String {
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty() && *part != "." && *part != "..").collect();
    let encoded: Vec<_> = parts.iter().map(|part| encoded(part).replace(':', "%3A")).collect();
    if encoded.is_empty() { "unknown".into() } else { encoded.join("/") }
}

/// What makes a result the same in the next scan: not the version and not the layer, so that an upgrade that does not
/// help and a new base image leave an alert as it is.
fn fingerprints(finding: &Finding) -> BTreeMap<&'static str, String> {
    let package = &finding.located.package;
    let parts = [&finding.matched.id, package.kind.name(), &package.name, &finding.located.path];
    let digest = Digest::sha256(parts.join("\0").as_bytes());
    let short = &digest.hex()[..32];
    // GitHub reads this one alone and wants a number of an equal line behind the colon.
    BTreeMap::from([("primaryLocationLineHash", format!("{short}:1")), ("plimsollFinding/v1", short.to_owned())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_relative_reference() {
        assert_eq!(relative_uri("/var/lib/dpkg/status"), "var/lib/dpkg/status");
        assert_eq!(relative_uri("/a:b/c d/é"), "a%3Ab/c%20d/%C3%A9");
        assert_eq!(relative_uri("/../etc/./x"), "etc/x");
        assert_eq!(relative_uri(""), "unknown");
    }
}
