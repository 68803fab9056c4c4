//! A rule for each vulnerability.

use std::fmt::Write as _;

use advisory::{Category, Severity};
use serde::Serialize;

use super::super::bill::{clipped, link};
use super::Message;
use super::results::SarifResult;
use crate::Finding;

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
    /// The rule of a vulnerability, by the first of its findings, which is the one to look at first.
    pub(super) fn of(finding: &'a Finding) -> Self {
        let matched = &finding.matched;
        let summary = clipped(&matched.summary);
        let title = if summary.is_empty() { format!("{} in {}", matched.id, matched.package) } else { summary };
        Self {
            id: &matched.id,
            name: if finding.located.package.kind.is_of_distribution() {
                "OsPackageVulnerability"
            } else {
                "LanguagePackageVulnerability"
            },
            short_description: Message::text(format!("{}: {title}", matched.known_as())),
            full_description: Message::text(title.clone()),
            default_configuration: Configuration { level: level(matched.severity) },
            help_uri: link(&matched.url),
            help: help(finding, &title),
            properties: Properties {
                tags: tags(finding),
                precision: "very-high",
                security_severity: security_severity(finding),
            },
            severity: matched.severity,
        }
    }

    /// Another package has it, too: the rule is as bad as its worst finding.
    pub(super) fn also(&mut self, finding: &Finding) {
        if finding.matched.severity > self.severity {
            self.severity = finding.matched.severity;
            self.default_configuration.level = level(finding.matched.severity);
            self.properties.security_severity = security_severity(finding);
            self.properties.tags = tags(finding);
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
fn security_severity(finding: &Finding) -> Option<String> {
    let matched = &finding.matched;
    let score = matched.score.map(f64::from).filter(|score| Severity::of_score(*score) == matched.severity);
    let number = match (score, matched.severity) {
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

fn tags(finding: &Finding) -> Vec<String> {
    let matched = &finding.matched;
    let mut tags = vec![
        "security".to_owned(),
        "vulnerability".to_owned(),
        matched.severity.name().to_owned(),
        finding.located.package.kind.name().to_owned(),
    ];
    if matched.category == Category::Malware {
        tags.push("malware".into());
    }
    if matched.kev.is_some() {
        tags.push("exploited".into());
    }
    tags.extend(matched.aliases.iter().filter(|alias| alias.len() <= 100).cloned());
    tags.truncate(MOST_TAGS);
    tags
}

fn help(finding: &Finding, title: &str) -> Message {
    let matched = &finding.matched;
    let mut lines = vec![("Record", matched.id.clone())];
    if !matched.aliases.is_empty() {
        lines.push(("Also known as", matched.aliases.join(", ")));
    }
    lines.push(("Package", format!("{} ({})", matched.package, matched.ecosystem)));
    let because = matched.severity_source.as_ref().map(|said| format!(" ({said})")).unwrap_or_default();
    lines.push(("Severity", format!("{}{because}", matched.severity)));
    lines.push(("Fixed in", matched.fixed.clone().unwrap_or_else(|| "no version yet".into())));
    if let Some(kev) = &matched.kev {
        lines.push(("Exploited", format!("in CISA's catalog since {}", kev.added)));
    }
    if let Some(epss) = &matched.epss {
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
