//! A result for each package that a vulnerability is in.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;

use image::Digest;
use serde::Serialize;

use super::super::bill::{clipped, encoded};
use super::Message;
use super::rules::{Rule, level};
use crate::{Finding, Group, Report, Subject, group};

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

/// The rules in the order in which findings first need them, and the results in the order of the findings: one for each
/// vulnerability of each package, however many databases tell of it.
pub(super) fn results(report: &Report, all: bool) -> (Vec<Rule<'_>>, Vec<SarifResult<'_>>) {
    let (mut rules, mut results): (Vec<Rule<'_>>, Vec<SarifResult<'_>>) = (Vec::new(), Vec::new());
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut seen = HashSet::new();
    let suppressed = if all { group::groups(&report.suppressed, &report.findings) } else { Vec::new() };
    for group in report.groups().into_iter().chain(suppressed) {
        let located = group.located();
        // A record that does not count, of what another record says that counts, is not a result of its own.
        if !seen.insert((
            group.key(),
            located.package.kind,
            &located.package.name,
            &located.package.version,
            &located.path,
        )) {
            continue;
        }
        let place = *places.entry(group.key()).or_insert_with(|| {
            rules.push(Rule::of(&group));
            rules.len() - 1
        });
        if group.first().matched.suppressed.is_none() {
            rules[place].also(&group);
        }
        results.push(result(report, &group, place));
    }
    (rules, results)
}

fn result<'a>(report: &'a Report, group: &Group<'a>, rule_index: usize) -> SarifResult<'a> {
    let finding = group.first();
    let located = &finding.located;
    SarifResult {
        rule_id: group.key(),
        rule_index,
        level: level(group.severity()),
        message: Message::text(sentence(group)),
        locations: [location(report, finding)],
        partial_fingerprints: fingerprints(group),
        suppressions: finding
            .matched
            .suppressed
            .as_ref()
            .map(|why| [Suppressed { kind: "external", status: "accepted", justification: &why.reason }]),
        properties: BTreeMap::from([
            ("purl", located.purl.as_str().into()),
            ("installedVersion", located.package.version.as_str().into()),
            ("fixedVersion", group.fixed().into()),
            ("layer", located.layer.into()),
            ("severity", group.severity().name().into()),
            ("records", group.records().iter().chain(group.also()).map(|record| record.matched.id.as_str()).collect()),
        ]),
    }
}

fn sentence(group: &Group<'_>) -> String {
    let (matched, package) = (&group.first().matched, &group.located().package);
    let fix = match group.fixed() {
        Some(fixed) => format!("fixed in {fixed}"),
        None => "no fixed version is known".into(),
    };
    let records: Vec<&str> =
        group.records().iter().map(|record| record.matched.id.as_str()).filter(|id| *id != group.known_as()).collect();
    let id = if records.is_empty() {
        group.known_as().to_owned()
    } else {
        format!("{} ({})", group.known_as(), records.join(", "))
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
fn fingerprints(group: &Group<'_>) -> BTreeMap<&'static str, String> {
    let (package, path) = (&group.located().package, &group.located().path);
    let parts = [group.key(), package.kind.name(), &package.name, path];
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
