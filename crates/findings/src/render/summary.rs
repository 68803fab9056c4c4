//! The lines below the table: how many, what to do, what is not known, how old the advisories are.

use std::collections::BTreeMap;

use advisory::Rule;
use advisory::ecosystem::{base, is_defined};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::release;
use super::words::{by_severity, number};
use crate::escape::plain;
use crate::headers::is_kernel_headers;
use crate::{Counts, Group, Report, Standing, urgency};

/// Older advisories miss what the world has learned since.
const OLD_AFTER_DAYS: i64 = 7;

/// The lines, each a sentence.
pub(super) fn lines(report: &Report, groups: &[Group<'_>], all: bool) -> Vec<String> {
    let mut lines = vec![found(report, groups)];
    lines.extend(urgent(groups));
    lines.extend(headers(groups));
    lines.extend(suppressed(report, all));
    lines.extend(report.notes.iter().map(|note| plain(note)));
    lines.extend(unverified(report));
    lines.extend(release::lines(report));
    lines.extend(uncovered(report));
    lines.extend(report.inventory.warnings.iter().map(|warning| format!("not read: {}", plain(warning))));
    lines.push(age(report));
    lines
}

fn found(report: &Report, groups: &[Group<'_>]) -> String {
    let counts: Counts = groups.iter().map(Group::severity).collect();
    let packages = report.inventory.packages.len();
    let judged = packages - report.uncovered_packages();
    if packages == 0 {
        return "no packages were found in this image".into();
    }
    if judged == 0 {
        return format!("nothing is known of any of its {}", number(packages, "package"));
    }
    if counts.total() == 0 {
        return match report.suppressed.len() {
            0 => format!("no known vulnerability in {}", number(judged, "package")),
            _ => format!("nothing is counted in {}", number(judged, "package")),
        };
    }
    let fixable = match (groups.iter().filter(|group| group.is_fixable()).count(), counts.total()) {
        (0, _) => "none has a fix".into(),
        (fixable, total) if fixable == total => "all have a fix".into(),
        (1, _) => "1 has a fix".into(),
        (fixable, _) => format!("{fixable} have a fix"),
    };
    let total = number(counts.total(), "finding");
    format!("{total} in {}: {}; {fixable}", number(judged, "package"), by_severity(&counts))
}

/// What is more urgent than its severity.
fn urgent(groups: &[Group<'_>]) -> Option<String> {
    let malware = groups.iter().filter(|group| group.is_malware()).count();
    let exploited = groups.iter().filter(|group| group.kev().is_some()).count();
    let likely = groups.iter().filter(|group| group.kev().is_none() && urgency::is_likely(group.epss())).count();
    let parts: Vec<String> = [
        (malware, "malware"),
        (exploited, "exploited now (CISA KEV)"),
        (likely, "likely to be exploited within 30 days (EPSS 10 % and more)"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect();
    (!parts.is_empty()).then(|| format!("first of all: {}", parts.join(", ")))
}

fn headers(groups: &[Group<'_>]) -> Option<String> {
    let of_headers = groups.iter().filter(|group| is_kernel_headers(&group.located().package)).count();
    (of_headers > 0).then(|| format!("{of_headers} of them in kernel headers, in which nothing runs"))
}

/// What applies and is not counted, by rule.
fn suppressed(report: &Report, all: bool) -> Option<String> {
    let mut rules: BTreeMap<Rule, usize> = BTreeMap::new();
    for group in report.suppressed_groups() {
        if let Some(suppression) = &group.first().matched.suppressed {
            *rules.entry(suppression.rule).or_default() += 1;
        }
    }
    let parts: Vec<String> = rules.iter().map(|(rule, count)| format!("{count} {}", because(*rule))).collect();
    let hint = if all { "" } else { " (--all lists them)" };
    (!parts.is_empty()).then(|| format!("not counted: {}{hint}", parts.join(", ")))
}

/// A rule as the end of `3 …`.
fn because(rule: Rule) -> &'static str {
    match rule {
        Rule::Owned => "in files that the distribution's packages own and answer for",
        Rule::NotLinked => "in code that is not linked in",
        Rule::CustomRange => "outside the record's own ranges",
        Rule::ModuleStream => "about other module streams",
        Rule::Repository => "about other repositories or products",
        Rule::Ignored => "by the ignore file",
        Rule::Exception => "by exception",
        Rule::Baseline => "known before",
        Rule::Unfixed => "without a fix",
    }
}

/// That nothing says that this is the image.
fn unverified(report: &Report) -> Option<String> {
    let layers: Vec<_> = report.inventory.unverified.iter().map(usize::to_string).collect();
    let noun = if layers.len() == 1 { "layer" } else { "layers" };
    let list = layers.join(", ");
    (!layers.is_empty()).then(|| format!("not verified: {noun} {list} may not be what the image names (--unverified)"))
}

/// What no source covers, and what would; packages that another than the distribution built, by who did.
fn uncovered(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for (ecosystem, packages) in &report.uncovered {
        let what = format!("unknown: {} of {}", number(*packages, "package"), plain(ecosystem));
        lines.push(if is_defined(ecosystem) {
            format!("{what}; `plimsoll db update {}` may cover them", quoted(base(ecosystem)))
        } else {
            format!("{what}; no source of advisories is known for it")
        });
    }
    let mut vendors: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (number, located) in report.inventory.packages.iter().enumerate() {
        if let (Some(vendor), Standing::Unknown) = (&located.package.vendor, report.standing(number)) {
            vendors.entry(vendor).or_default().push(&located.package.name);
        }
    }
    lines.extend(vendors.into_iter().map(|(vendor, names)| {
        let named = names.iter().take(3).map(|name| plain(name)).collect::<Vec<_>>().join(", ");
        let more = if names.len() > 3 { format!(" and {} more", names.len() - 3) } else { String::new() };
        format!("unknown, built by {}: {named}{more}", plain(vendor))
    }));
    lines
}

fn quoted(name: &str) -> String {
    if name.contains(' ') { format!("'{name}'") } else { name.to_owned() }
}

/// How old the oldest advisories are, counted to the time of the scan.
fn age(report: &Report) -> String {
    if report.index.id.is_empty() {
        return "no advisories are loaded; fetch some with `plimsoll db update` or `plimsoll db import PATH`".into();
    }
    let read = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    let (Some(built), Some(scanned)) = (read(&report.index.built_at), read(&report.scanned_at)) else {
        return "advisories of unknown age".into();
    };
    let days = (scanned - built).whole_days();
    let when = match days {
        ..=0 => "today".into(),
        1 => "yesterday".into(),
        days => format!("{days} days ago"),
    };
    let told = format!("advisories last renewed {when}");
    if days > OLD_AFTER_DAYS { format!("{told}: renew them with `plimsoll db update`") } else { told }
}
