//! Findings as rows of a table: one each, or, where there are many, one for each package that has to be renewed.

use std::cmp::Ordering;

use advisory::Severity;
use advisory::versions::Scheme;

use crate::Finding;
use crate::escape::plain;

/// With more findings than this a row stands for all of a source package.
pub(super) const MOST_SINGLE_ROWS: usize = 40;
/// How many ids a row of several findings names.
const NAMED_IDS: usize = 3;

/// A row.
pub(super) struct Row {
    pub(super) severity: Severity,
    pub(super) package: String,
    pub(super) installed: String,
    pub(super) fixed: String,
    pub(super) id: String,
    pub(super) layer: String,
}

/// One row for each finding.
pub(super) fn single(findings: &[Finding]) -> Vec<Row> {
    findings.iter().map(row).collect()
}

fn row(finding: &Finding) -> Row {
    let (matched, package) = (&finding.matched, &finding.located.package);
    // `DEBIAN-CVE-2026-1` says it all.
    let id = if matched.id.ends_with(matched.known_as()) {
        plain(&matched.id)
    } else {
        format!("{} ({})", plain(matched.known_as()), plain(&matched.id))
    };
    Row {
        severity: matched.severity,
        package: plain(&package.name),
        installed: plain(&package.version),
        fixed: matched.fixed.as_deref().map(plain).unwrap_or_default(),
        id,
        layer: finding.located.layer.to_string(),
    }
}

/// One row for each package name that matched, installed version and layer; the order is that of the worst finding.
pub(super) fn grouped(findings: &[Finding]) -> Vec<Row> {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for finding in findings {
        let place = *places.entry(key(finding)).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[place].push(finding);
    }
    groups.iter().filter_map(|group| group_row(group)).collect()
}

/// What is renewed together: binaries of one source package at one version in one layer.
fn key(finding: &Finding) -> (&str, &str, &str, usize) {
    (&finding.matched.ecosystem, &finding.matched.package, judged_version(finding), finding.located.layer)
}

fn judged_version(finding: &Finding) -> &str {
    let package = &finding.located.package;
    match &package.source {
        Some(source) if source.name == finding.matched.package => &source.version,
        _ => &package.version,
    }
}

fn group_row(group: &[&Finding]) -> Option<Row> {
    let first = *group.first()?;
    let mut names: Vec<&str> = group.iter().map(|finding| finding.located.package.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let matched_name = first.matched.package.as_str();
    let package = match names[..] {
        [only] => plain(only),
        [..] => format!("{} ({} packages)", plain(matched_name), names.len()),
    };
    // The findings come worst first; a record that hits several binaries is one thing to read.
    let mut ids: Vec<&str> = Vec::new();
    for finding in group {
        if !ids.contains(&finding.matched.known_as()) {
            ids.push(finding.matched.known_as());
        }
    }
    let more = ids.len().saturating_sub(NAMED_IDS);
    let mut id = ids.iter().take(NAMED_IDS).map(|id| plain(id)).collect::<Vec<_>>().join(", ");
    if more > 0 {
        id = format!("{id} and {more} more");
    }
    Some(Row {
        severity: first.matched.severity,
        package,
        installed: plain(judged_version(first)),
        fixed: fixed_in(group),
        id,
        layer: first.located.layer.to_string(),
    })
}

/// The lowest version that mends everything that can be mended, and how much stays.
fn fixed_in(group: &[&Finding]) -> String {
    let scheme = group.first().and_then(|finding| Scheme::of_ecosystem(&finding.matched.ecosystem));
    let fixes = group.iter().filter_map(|finding| finding.matched.fixed.as_deref());
    let highest = fixes.clone().reduce(|high, version| {
        let order = scheme.and_then(|scheme| scheme.compare(high, version)).unwrap_or(Ordering::Equal);
        if order == Ordering::Less { version } else { high }
    });
    let Some(highest) = highest else { return String::new() };
    let mendable = fixes.count();
    if mendable == group.len() { plain(highest) } else { format!("{} ({mendable} of {})", plain(highest), group.len()) }
}
