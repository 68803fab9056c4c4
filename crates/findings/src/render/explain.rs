//! The explanation of one vulnerability, for a person.

use advisory::index::Details;
use advisory::{Affected, Match};
use inventory::package::{Gone, Located};

use super::fields::{field, wrapped};
use super::table::{View, word};
use super::words::percent;
use crate::escape::plain;
use crate::explain::{Absence, Explanation, Place};
use crate::{Finding, Group, Report};

/// So many packages of one source are named with their package URLs.
const MOST_PURLS: usize = 8;
/// So many lines of a record's text are shown; the whole stands at its address.
const MOST_LINES: usize = 40;
/// So many listed versions are named.
const MOST_VERSIONS: usize = 12;

/// The explanation as text, as wide as the view says. Understandable without colour.
pub fn explain(explanation: &Explanation<'_>, view: View) -> String {
    let report = explanation.report;
    let mut text = Text { view, text: String::new() };
    text.head(&format!("{} in {}", explanation.id, report.name));
    let release = report.inventory.release.as_ref().and_then(|release| release.pretty_name.as_deref());
    let parts: Vec<String> = [Some(report.platform.as_str()), release].into_iter().flatten().map(plain).collect();
    text.line(&parts.join(" · "));
    text.line(report.digest.as_str());
    for place in &explanation.found {
        text.place(report, place, "AFFECTED");
    }
    for place in &explanation.suppressed {
        text.place(report, place, "NOT COUNTED");
    }
    for (number, absence) in explanation.absent.iter().enumerate() {
        if number == 0 {
            text.blank();
            text.head(if explanation.is_known() { "NOT AFFECTED" } else { "NOT KNOWN" });
        }
        text.absence(absence);
    }
    let (near, far) = explanation.records_by_relevance();
    for record in near {
        text.record(record);
    }
    if !far.is_empty() {
        text.blank();
        text.head("TOLD OF OTHER SYSTEMS");
        let named = far.iter().map(|record| match record.affected.first() {
            Some((ecosystem, _)) => format!("{} ({ecosystem})", record.id),
            None => record.id.clone(),
        });
        let named: Vec<String> = named.collect();
        text.line(&wrapped(&format!("  {}", plain(&named.join(", "))), text.view.width, 2));
    }
    text.text
}

impl Explanation<'_> {
    /// Whether something was looked at: without a record to ask, nothing can be said.
    pub fn is_known(&self) -> bool {
        !self.absent.iter().any(|absence| matches!(absence, Absence::NoIndex | Absence::NoRecord { .. }))
    }
}

/// The text so far.
struct Text {
    view: View,
    text: String,
}

impl Text {
    fn line(&mut self, line: &str) {
        for line in wrapped(line, self.view.width, 2).lines() {
            self.text.push_str(line.trim_end());
            self.text.push('\n');
        }
    }

    fn blank(&mut self) {
        self.text.push('\n');
    }

    fn head(&mut self, line: &str) {
        let line = wrapped(&plain(line), self.view.width, 2);
        let (on, off) = if self.view.colour { ("\u{1b}[1m", "\u{1b}[0m") } else { ("", "") };
        self.text.extend([on, &line, off, "\n"]);
    }

    fn field(&mut self, label: &str, value: &str) {
        self.text.push_str(field(label, &plain(value), self.view.width).trim_end());
        self.text.push('\n');
    }

    /// A field that is not broken: it is there to be copied.
    fn whole(&mut self, label: &str, value: &str) {
        self.text.push_str(&field(label, &plain(value), None));
        self.text.push('\n');
    }

    fn place(&mut self, report: &Report, place: &Place<'_>, title: &str) {
        let group = place.first();
        let located = group.located();
        let names: Vec<&str> = place.groups.iter().map(|group| group.located().package.name.as_str()).collect();
        self.blank();
        let kind = located.package.kind.name();
        self.head(&format!("{title}: {} {} ({kind}), {}", named(&names), located.package.version, word(group)));
        if let Some(suppression) = &group.first().matched.suppressed {
            self.field("why not", &format!("{} [{}]", suppression.reason, suppression.rule.name()));
        }
        if let Some(source) = &located.package.source {
            self.field("built from", &format!("source package {} {}", source.name, source.version));
        }
        for group in place.groups.iter().take(MOST_PURLS) {
            self.whole("package", &group.located().purl);
        }
        if place.groups.len() > MOST_PURLS {
            self.field("", &format!("and {} more", place.groups.len() - MOST_PURLS));
        }
        self.located(report, located);
        for record in place.records() {
            self.field("matched by", &matched(&record.matched));
        }
        self.rating(group);
        match group.fixed() {
            Some(fixed) => self.field("fixed in", fixed),
            None => self.field("fixed in", "no version yet"),
        }
        for elsewhere in group.records().iter().filter_map(|record| record.matched.fixed_elsewhere.as_ref()) {
            self.field(
                "",
                &format!("{} of {}, which this image does not have", elsewhere.version, elsewhere.ecosystem),
            );
        }
        self.todo(report, place);
        for gone in &place.gone {
            self.field("before", &told_gone(gone));
        }
    }

    fn located(&mut self, report: &Report, located: &Located) {
        self.field("told by", &located.place());
        let diff_id = report.inventory.layers.get(located.layer).map(image::Digest::as_str).unwrap_or_default();
        let base = if located.layer == 0 { ", the lowest" } else { "" };
        self.field("in layer", &format!("{}{base}", located.layer));
        self.whole("", diff_id);
        let line = report.history.get(located.layer).and_then(Option::as_deref);
        self.field("made by", line.unwrap_or("the image's history does not say"));
        if let Some(vendor) = &located.package.vendor {
            self.field("built by", vendor);
        }
        if let Some(module) = &located.package.module {
            self.field("module", module);
        }
        if let Some(owner) = &located.owner {
            let vendor = owner.vendor.as_ref().map(|vendor| format!(", built by {vendor}")).unwrap_or_default();
            self.field("owned by", &format!("{} {} ({}){vendor}", owner.name, owner.version, owner.kind.name()));
        }
    }

    fn rating(&mut self, group: &Group<'_>) {
        for record in group.records() {
            let matched = &record.matched;
            let source = matched.severity_source.as_ref().map(|source| format!(", by {source}")).unwrap_or_default();
            let score = matched.score.map(|score| format!(", CVSS {score:.1}")).unwrap_or_default();
            self.field("severity", &format!("{}{score}{source} ({})", matched.severity, matched.id));
        }
        if let Some(kev) = group.kev() {
            let due = kev.due.as_ref().map(|due| format!(", to be mended by {due}")).unwrap_or_default();
            let ransomware = if kev.ransomware { "; ransomware campaigns use it" } else { "" };
            self.field("exploited", &format!("{}: in CISA's catalog since {}{due}{ransomware}", kev.cve, kev.added));
        }
        if let Some(epss) = group.epss() {
            self.field(
                "likely",
                &format!(
                    "{}: {} within 30 days, more than {} of all that are scored (EPSS)",
                    epss.cve,
                    percent(epss.probability),
                    percent(epss.percentile)
                ),
            );
        }
    }

    fn todo(&mut self, report: &Report, place: &Place<'_>) {
        let Some(upgrade) = &place.upgrade else { return };
        let versions = upgrade.fixed.join(" or ");
        match &upgrade.command {
            Some(command) => self.whole("what to do", command),
            None => self.field("what to do", &format!("bring {} to {versions} and build again", upgrade.package)),
        }
        let located = place.first().located();
        if located.layer == 0 && report.inventory.layers.len() > 1 && located.package.kind.is_of_distribution() {
            self.field("", "or take a newer base image: it came with the lowest layer");
        }
        let others = upgrade.removes.total().saturating_sub(place.groups.len());
        if others > 0 {
            let noun = if others == 1 { "finding goes" } else { "findings go" };
            self.field("", &format!("{others} more {noun} away with {} {versions}", upgrade.package));
        }
    }

    fn absence(&mut self, absence: &Absence) {
        match absence {
            Absence::NoIndex => self
                .line("  no advisories are loaded; fetch some with `plimsoll db update` or `plimsoll db import PATH`"),
            Absence::NoRecord { loaded, uncovered } => {
                self.line("  no loaded record has this id or names it");
                self.field("loaded", &if loaded.is_empty() { "nothing".to_owned() } else { loaded.join(", ") });
                if !uncovered.is_empty() {
                    self.field(
                        "not covered",
                        &format!("{}: packages of the image of which nothing is known", uncovered.join(", ")),
                    );
                }
                self.line("  `plimsoll db update ECOSYSTEM` fetches more; a record that was withdrawn is in no index");
            }
            Absence::NothingNamed { record } => {
                self.field(record, "names no package, so that no version can be held against it");
            }
            Absence::Elsewhere { record, about, image } => {
                let about = shortened(about);
                self.field(record, &format!("is about {about}; the image's packages are of {}", shortened(image)));
            }
            Absence::NotThere { record, packages, gone } => {
                let names: Vec<String> =
                    packages.iter().map(|(ecosystem, name)| format!("{name} ({ecosystem})")).collect();
                self.field(record, &format!("is about {}: not in the image", shortened(&names)));
                for gone in gone {
                    self.field("before", &told_gone(gone));
                }
            }
            Absence::Outside { record, ecosystem, located, version, said } => {
                let name = &located.package.name;
                self.field(record, &format!("{name} {version} is none of the affected versions of {ecosystem}"));
                for range in &said.ranges {
                    self.field("affected", range);
                }
                if !said.versions.is_empty() {
                    let first: Vec<&str> = said.versions.iter().take(MOST_VERSIONS).map(String::as_str).collect();
                    let more = said.versions.len().saturating_sub(MOST_VERSIONS);
                    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                    self.field("affected", &format!("listed: {}{more}", first.join(", ")));
                }
                self.whole("package", &located.purl);
                self.field("in layer", &format!("{}, told by {}", located.layer, located.place()));
            }
        }
    }

    fn record(&mut self, record: &Details) {
        self.blank();
        self.head(&format!("WHAT IS TOLD: {}", record.id));
        let details = record.details.trim();
        // A record without a summary has the begin of its text there.
        if !record.summary.is_empty() && !details.starts_with(record.summary.trim_end_matches(['…', '.'])) {
            self.line(&format!("  {}", plain(&record.summary)));
        }
        self.field("source", &format!("segment {}, changed {}", record.segment, record.modified));
        for (label, ids) in
            [("aliases", &record.aliases), ("made from", &record.upstream), ("related", &record.related)]
        {
            if !ids.is_empty() {
                self.field(label, &ids.join(", "));
            }
        }
        let source = record.severity_source.as_ref().map(|source| format!(", by {source}")).unwrap_or_default();
        self.field("severity", &format!("{}{source}", record.severity));
        if let Some(advisory) = record.references.first() {
            self.field("read more", &advisory.url);
        }
        if !details.is_empty() {
            self.blank();
            let lines: Vec<String> = details.lines().map(|line| format!("  {}", plain(line.trim_end()))).collect();
            let text = wrapped(&lines.join("\n"), self.view.width, 2);
            let count = text.lines().count();
            for line in text.lines().take(MOST_LINES) {
                self.text.push_str(line.trim_end());
                self.text.push('\n');
            }
            if count > MOST_LINES {
                self.line(&format!("  … and {} lines more (--format json has all)", count - MOST_LINES));
            }
        }
    }
}

/// `DSA-1: openssl of Debian:12, versions from 1.0 to before 1.2`.
fn matched(matched: &Match) -> String {
    format!("{}: {} of {}, {}", matched.id, matched.package, matched.ecosystem, held(&matched.affected))
}

/// What of a record holds a version.
pub(super) fn held(affected: &Affected) -> String {
    match affected {
        Affected::Listed => "which lists this version".to_owned(),
        Affected::Range { introduced, fixed, last_affected } => {
            let from = if introduced == "0" { "the first version".to_owned() } else { introduced.clone() };
            let to = match (fixed, last_affected) {
                (Some(fixed), _) => format!(" to before {fixed}"),
                (None, Some(last)) => format!(" through {last}"),
                (None, None) => " on".to_owned(),
            };
            format!("versions from {from}{to}")
        }
    }
}

fn told_gone(gone: &Gone) -> String {
    let package = &gone.located.package;
    let layer = gone.located.layer;
    match &gone.replaced_by {
        Some(version) => format!(
            "{} {} of layer {layer}, which layer {} replaced by {version}; it still lies below",
            package.name, package.version, gone.by
        ),
        None => format!(
            "{} {} of layer {layer}, which layer {} removed; it still lies below",
            package.name, package.version, gone.by
        ),
    }
}

fn named(names: &[&str]) -> String {
    match names {
        [only] => (*only).to_owned(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        [] => String::new(),
    }
}

fn shortened(names: &[String]) -> String {
    const MOST: usize = 6;
    let first = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > MOST { format!("{first} and {} more", names.len() - MOST) } else { first }
}

impl Place<'_> {
    /// Its findings, for outputs that list records.
    pub(super) fn findings(&self) -> impl Iterator<Item = (&Group<'_>, &Finding)> {
        self.groups
            .iter()
            .flat_map(|group| group.records().iter().chain(group.also()).map(move |finding| (group, *finding)))
    }
}
