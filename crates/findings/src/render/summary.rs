//! The lines below the table: how many, what is not known, how old the advisories are, and what to do now.

use advisory::Severity;
use advisory::ecosystem::{base, is_defined};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::Report;
use crate::escape::plain;

/// Older advisories miss what the world has learned since.
const OLD_AFTER_DAYS: i64 = 7;

/// The lines, each a sentence.
pub(super) fn lines(report: &Report) -> Vec<String> {
    let mut lines = vec![found(report)];
    lines.extend(unverified(report));
    lines.extend(uncovered(report));
    lines.extend(report.inventory.warnings.iter().map(|warning| format!("not read: {}", plain(warning))));
    lines.push(age(report));
    lines
}

fn found(report: &Report) -> String {
    let counts = report.counts();
    let packages = report.inventory.packages.len();
    let judged = packages - report.uncovered_packages();
    if packages == 0 {
        return "no packages were found in this image".into();
    }
    if judged == 0 {
        return format!("nothing is known of any of its {}", number(packages, "package"));
    }
    if counts.total() == 0 {
        return format!("no known vulnerability in {}", number(judged, "package"));
    }
    let by_severity: Vec<String> = Severity::WORST_FIRST
        .into_iter()
        .filter(|severity| counts.of(*severity) > 0)
        .map(|severity| format!("{} {severity}", counts.of(severity)))
        .collect();
    let fixable = match (report.fixable(), counts.total()) {
        (0, _) => "none has a fix".into(),
        (fixable, total) if fixable == total => "all have a fix".into(),
        (1, _) => "1 has a fix".into(),
        (fixable, _) => format!("{fixable} have a fix"),
    };
    let total = number(counts.total(), "finding");
    format!("{total} in {}: {}; {fixable}", number(judged, "package"), by_severity.join(", "))
}

/// That nothing says that this is the image.
fn unverified(report: &Report) -> Option<String> {
    let layers: Vec<_> = report.inventory.unverified.iter().map(usize::to_string).collect();
    let noun = if layers.len() == 1 { "layer" } else { "layers" };
    let list = layers.join(", ");
    (!layers.is_empty()).then(|| format!("not verified: {noun} {list} may not be what the image names (--unverified)"))
}

/// What no source covers, and what would.
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

fn number(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
