//! Findings as rows of a table: one each, or, where there are many, one for each package that has to be renewed.

use std::cmp::Ordering;

use advisory::Severity;
use advisory::versions::Scheme;

use super::words::percent;
use crate::escape::plain;
use crate::headers::is_kernel_headers;
use crate::{Group, urgency};

/// With more findings than this a row stands for all of a source package.
const MOST_SINGLE_ROWS: usize = 40;
/// How many ids a row of several findings names.
const NAMED_IDS: usize = 3;

/// A row.
pub(super) struct Row {
    pub(super) severity: Severity,
    /// What makes it more urgent than its severity: `exploited`, `likely 34 %`.
    pub(super) mark: Option<String>,
    pub(super) is_malware: bool,
    pub(super) package: String,
    pub(super) installed: String,
    pub(super) fixed: String,
    pub(super) id: String,
    pub(super) layer: String,
    /// Where the package is, of those that do not lie in a distribution's database.
    pub(super) places: Vec<String>,
}

/// The rows of a report: kernel headers of one source always in one; all others too where there are many.
pub(super) fn rows(groups: &[Group<'_>], all: bool, narrow: bool) -> Vec<Row> {
    let many = groups.len() > MOST_SINGLE_ROWS;
    let mut bundles: Vec<Vec<&Group<'_>>> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for group in groups {
        let headers = is_kernel_headers(&group.located().package);
        if all || !(many || headers) {
            bundles.push(vec![group]);
            continue;
        }
        let place = *places.entry((key(group), headers)).or_insert_with(|| {
            bundles.push(Vec::new());
            bundles.len() - 1
        });
        bundles[place].push(group);
    }
    let rows = bundles
        .iter()
        .filter_map(|bundle| if let [only] = bundle[..] { Some(single(only, narrow)) } else { bundled(bundle) });
    if all { rows.collect() } else { folded(rows) }
}

/// Rows that say the same of a package at several places as one: a module is in every program that was built of it.
fn folded(rows: impl Iterator<Item = Row>) -> Vec<Row> {
    let mut all: Vec<Row> = Vec::new();
    let mut known = std::collections::HashMap::new();
    for row in rows {
        let key = (row.package.clone(), row.installed.clone(), row.fixed.clone(), row.id.clone(), row.layer.clone());
        let place = *known.entry(key).or_insert(all.len());
        match all.get_mut(place) {
            Some(first) if !row.places.is_empty() => first.places.extend(row.places),
            _ => all.push(row),
        }
    }
    for row in all.iter_mut().filter(|row| row.places.len() > 1) {
        row.package = format!("{} ({} places)", row.package, row.places.len());
    }
    all
}

/// Where it is, where that is no distribution's database.
fn places(group: &Group<'_>) -> Vec<String> {
    let located = group.located();
    if located.package.kind.is_of_distribution() { Vec::new() } else { vec![plain(&located.place())] }
}

/// One finding; where there is little room, without what its CVE says already.
pub(super) fn single(group: &Group<'_>, narrow: bool) -> Row {
    let package = &group.located().package;
    Row {
        severity: group.severity(),
        mark: mark(group),
        is_malware: group.is_malware(),
        package: name(group),
        installed: plain(&package.version),
        fixed: group.fixed().map_or_else(|| elsewhere(group), plain),
        id: ids(group, narrow),
        layer: group.located().layer.to_string(),
        places: places(group),
    }
}

/// That only another stream of the distribution has a fix.
fn elsewhere(group: &Group<'_>) -> String {
    let fix = group.records().iter().find_map(|record| record.matched.fixed_elsewhere.as_ref());
    fix.map(|fix| format!("only {} {}", plain(&fix.ecosystem), plain(&fix.version))).unwrap_or_default()
}

fn name(group: &Group<'_>) -> String {
    let located = group.located();
    let name = plain(&located.package.name);
    match &located.owner {
        Some(owner) => format!("{name} (of {})", plain(&owner.name)),
        None if is_kernel_headers(&located.package) => format!("{name} (kernel headers)"),
        None => name,
    }
}

/// The id that people know, then the records': `DEBIAN-CVE-2026-1` alone says it all.
fn ids(group: &Group<'_>, narrow: bool) -> String {
    let records: Vec<&str> =
        group.records().iter().chain(group.also()).map(|record| record.matched.id.as_str()).collect();
    let known = group.known_as();
    match records[..] {
        [only] if only.ends_with(known) => plain(if narrow { known } else { only }),
        [only] => format!("{} ({})", plain(known), plain(only)),
        _ => {
            let is_said = |id: &&&str| **id == group.key() || (narrow && id.ends_with(group.key()));
            let others: Vec<String> = records.iter().filter(|id| !is_said(id)).map(|id| plain(id)).collect();
            if others.is_empty() {
                plain(group.key())
            } else {
                format!("{} ({})", plain(group.key()), others.join(", "))
            }
        }
    }
}

fn mark(group: &Group<'_>) -> Option<String> {
    if group.kev().is_some() {
        return Some("exploited".to_owned());
    }
    group
        .epss()
        .filter(|epss| urgency::is_likely(Some(epss)))
        .map(|epss| format!("likely {}", percent(epss.probability)))
}

/// What is renewed together: binaries of one source package at one version in one layer.
fn key<'a>(group: &Group<'a>) -> (&'a str, &'a str, &'a str, usize) {
    let matched = &group.first().matched;
    (&matched.ecosystem, &matched.package, judged_version(group), group.located().layer)
}

fn judged_version<'a>(group: &Group<'a>) -> &'a str {
    let package = &group.located().package;
    match &package.source {
        Some(source) if source.name == group.first().matched.package => &source.version,
        _ => &package.version,
    }
}

fn bundled(bundle: &[&Group<'_>]) -> Option<Row> {
    let first = *bundle.first()?;
    let mut names: Vec<&str> = bundle.iter().map(|group| group.located().package.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let headers = is_kernel_headers(&first.located().package);
    let package = if names.len() == 1 {
        name(first)
    } else {
        let what = if headers { "packages of kernel headers" } else { "packages" };
        format!("{} ({} {what})", plain(&first.first().matched.package), names.len())
    };
    // What to look at first comes first; what hits several binaries is one thing to read.
    let mut ids: Vec<&str> = Vec::new();
    for group in bundle {
        if !ids.contains(&group.key()) {
            ids.push(group.key());
        }
    }
    let more = ids.len().saturating_sub(NAMED_IDS);
    let mut id = ids.iter().take(NAMED_IDS).map(|id| plain(id)).collect::<Vec<_>>().join(", ");
    if more > 0 {
        id = format!("{id} and {more} more");
    }
    let exploited: std::collections::HashSet<_> =
        bundle.iter().filter(|group| group.kev().is_some()).map(|group| group.key()).collect();
    Some(Row {
        severity: bundle.iter().map(|group| group.severity()).max()?,
        mark: if exploited.is_empty() {
            bundle.iter().find_map(|group| mark(group))
        } else {
            Some(format!("{} exploited", exploited.len()))
        },
        is_malware: bundle.iter().any(|group| group.is_malware()),
        package,
        installed: plain(judged_version(first)),
        fixed: fixed_in(bundle),
        id,
        layer: first.located().layer.to_string(),
        places: {
            let mut all: Vec<String> = bundle.iter().flat_map(|group| places(group)).collect();
            all.sort_unstable();
            all.dedup();
            all
        },
    })
}

/// The lowest version that mends everything that can be mended, and how much stays.
fn fixed_in(bundle: &[&Group<'_>]) -> String {
    let scheme = bundle.first().and_then(|group| Scheme::of_ecosystem(&group.first().matched.ecosystem));
    let fixes = || bundle.iter().filter_map(|group| group.fixed());
    let highest = fixes().reduce(|high, version| {
        let order = scheme.and_then(|scheme| scheme.compare(high, version)).unwrap_or(Ordering::Equal);
        if order == Ordering::Less { version } else { high }
    });
    let Some(highest) = highest else { return String::new() };
    let mendable = fixes().count();
    if mendable == bundle.len() {
        plain(highest)
    } else {
        format!("{} ({mendable} of {})", plain(highest), bundle.len())
    }
}
