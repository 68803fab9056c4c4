//! A rule for each vulnerability.

use std::fmt::Write as _;

use advisory::Severity;
use serde::Serialize;

use super::super::bill::{clipped, link};
use super::Message;
use super::results::SarifResult;
use crate::{Finding, Group};

/// Most tags of a rule that GitHub takes.
const MOST_TAGS: usize = 20;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule<'a> {
    pub(super) id: &'a str,
    name: &'static str,
    short_description: Message,
    full_description: Message,
    default_configuration: Configuration,
    #[serde(skip_serializing_if = "Option::is_none")]
    help_uri: Option<&'a str>,
    help: Message,
    properties: Properties,
    #[serde(skip)]
    severity: Severity,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Properties {
    tags: Vec<String>,
    precision: &'static str,
    #[serde(rename = "security-severity", skip_serializing_if = "Option::is_none")]
    security_severity: Option<String>,
}

impl<'a> Rule<'a> {
    /// The rule of a vulnerability, by the first package that has it, which is the one to look at first.
    pub(super) fn of(group: &Group<'a>) -> Self {
        let finding = group.first();
        let matched = &finding.matched;
        let summary =
            group.records().iter().map(|record| clipped(&record.matched.summary)).find(|text| !text.is_empty());
        let title = summary.unwrap_or_else(|| format!("{} in {}", group.known_as(), matched.package));
        let severity = group.severity();
        Self {
            id: group.key(),
            name: if finding.located.package.kind.is_of_distribution() {
                "OsPackageVulnerability"
            } else {
                "LanguagePackageVulnerability"
            },
            short_description: Message::text(format!("{}: {title}", group.known_as())),
            full_description: Message::text(title.clone()),
            default_configuration: Configuration { level: level(severity) },
            help_uri: link(&matched.url),
            help: help(group, &title),
            properties: Properties {
                tags: tags(group),
                precision: "very-high",
                security_severity: security_severity(group),
            },
            severity,
        }
    }

    /// Another package has it, too: the rule is as bad as the worst of these.
    pub(super) fn also(&mut self, group: &Group<'_>) {
        if group.severity() > self.severity {
            self.severity = group.severity();
            self.default_configuration.level = level(self.severity);
            self.properties.security_severity = security_severity(group);
            self.properties.tags = tags(group);
        }
    }
}

/// Rules that a result refers to, and the results with the places of these.
pub(super) fn only_used<'a>(
    rules: Vec<Rule<'a>>,
    mut results: Vec<SarifResult<'a>>,
) -> (Vec<Rule<'a>>, Vec<SarifResult<'a>>) {
    let mut used = vec![false; rules.len()];
    for result in &results {
        used[result.rule_index] = true;
    }
    let mut places = Vec::with_capacity(rules.len());
    let mut next = 0;
    for used in &used {
        places.push(next);
        next += usize::from(*used);
    }
    for result in &mut results {
        result.rule_index = places[result.rule_index];
    }
    let rules = rules.into_iter().zip(used).filter_map(|(rule, used)| used.then_some(rule)).collect();
    (rules, results)
}

pub(super) fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium | Severity::Unknown => "warning",
        Severity::Low | Severity::Negligible => "note",
    }
}

/// GitHub makes its own words of this number (over 9.0 critical, from 7.0 high, from 4.0 medium). A score that would
/// become another word than the vendor's gives way to the middle of the vendor's; where nobody said anything there is
/// no number.
fn security_severity(group: &Group<'_>) -> Option<String> {
    let severity = group.severity();
    let scores = group.records().iter().filter_map(|record| record.matched.score.map(f64::from));
    let score = scores.filter(|score| Severity::of_score(*score) == severity).max_by(f64::total_cmp);
    let number = match (score, severity) {
        // "Over 9.0": the score 9.0 itself is critical, too.
        (Some(score), Severity::Critical) => score.max(9.1),
        (Some(score), _) => score,
        (None, Severity::Critical) => 9.5,
        (None, Severity::High) => 8.0,
        (None, Severity::Medium) => 5.5,
        (None, Severity::Low) => 2.0,
        (None, Severity::Negligible) => 0.0,
        (None, Severity::Unknown) => return None,
    };
    Some(format!("{number:.1}"))
}

fn tags(group: &Group<'_>) -> Vec<String> {
    let mut tags = vec![
        "security".to_owned(),
        "vulnerability".to_owned(),
        group.severity().name().to_owned(),
        group.located().package.kind.name().to_owned(),
    ];
    if group.is_malware() {
        tags.push("malware".into());
    }
    if group.kev().is_some() {
        tags.push("exploited".into());
    }
    tags.extend(other_ids(group).into_iter().filter(|id| id.len() <= 100).map(str::to_owned));
    tags.truncate(MOST_TAGS);
    tags
}

/// All ids under which it stands but the rule's own, CVEs first.
fn other_ids<'a>(group: &Group<'a>) -> Vec<&'a str> {
    let (mut cves, others): (Vec<&str>, Vec<&str>) =
        group.ids().into_iter().filter(|id| *id != group.key()).partition(|id| id.starts_with("CVE-"));
    cves.extend(others);
    cves
}

fn help(group: &Group<'_>, title: &str) -> Message {
    let matched = &group.first().matched;
    let records: Vec<&str> =
        group.records().iter().chain(group.also()).map(|record: &&Finding| record.matched.id.as_str()).collect();
    let mut lines = vec![(if records.len() == 1 { "Record" } else { "Records" }, records.join(", "))];
    let known_as: Vec<&str> = other_ids(group).into_iter().filter(|id| !records.contains(id)).collect();
    if !known_as.is_empty() {
        lines.push(("Also known as", known_as.join(", ")));
    }
    lines.push(("Package", format!("{} ({})", matched.package, matched.ecosystem)));
    let worst = group.records().iter().find(|record| record.matched.severity == group.severity());
    let because = worst.and_then(|record| record.matched.severity_source.as_ref());
    let because = because.map(|said| format!(" ({said})")).unwrap_or_default();
    lines.push(("Severity", format!("{}{because}", group.severity())));
    lines.push(("Fixed in", group.fixed().unwrap_or("no version yet").to_owned()));
    if let Some(kev) = group.kev() {
        lines.push(("Exploited", format!("in CISA's catalog since {}", kev.added)));
    }
    if let Some(epss) = group.epss() {
        lines.push(("Likely to be exploited", format!("{:.1} % within 30 days (EPSS)", epss.probability * 100.0)));
    }
    let url = link(&matched.url);
    let mut text = format!("{title}\n");
    let mut markdown = format!("**{}**\n\n| | |\n| --- | --- |\n", plain_markdown(title));
    for (name, value) in lines {
        let _ = writeln!(text, "{name}: {value}");
        let _ = writeln!(markdown, "| {name} | {} |", plain_markdown(&value));
    }
    if let Some(url) = url {
        text.push_str(url);
        let _ = writeln!(markdown, "\n[{}]({})", plain_markdown(&matched.id), url.replace(')', "%29"));
    }
    Message { text: clipped(&text), markdown: Some(clipped(&markdown)) }
}

/// Text that Markdown shows as it is: an advisory must not place images, links or markup in somebody's pages.
pub(super) fn plain_markdown(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => plain.push(' '),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '<' | '>' | '#' | '!' | '|' | '~' | '&' => {
                plain.push('\\');
                plain.push(character);
            }
            _ => plain.push(character),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advisory_cannot_mark_text_up() {
        assert_eq!(plain_markdown("![x](https://y)\n<b>|"), "\\!\\[x\\]\\(https://y\\) \\<b\\>\\|");
    }
}
