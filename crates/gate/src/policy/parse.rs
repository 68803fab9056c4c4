//! The grammar of `policy.toml`.
//!
//! The TOML is walked by hand rather than through serde: each error can then say, for its own line, what was found and
//! what to write, and all errors of a file are told at once.

use std::ops::Range;
use std::path::Path;

use advisory::Severity;
use time::{Date, Month};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Revocation;
use super::lines::Lines;
use super::problem::{PolicyError, Problem};
use super::section::{Problems, Section, closest, excerpt, listed, string, wrong_type};
use crate::{Exception, FindingsLimit, Mode, Rule, Tolerance};

mod key_file;
mod revocation;
mod signers;
mod teams;

/// Far above any policy that people review; below what would make matching slow.
const MOST_RULES: usize = 10_000;
const MODES: [&str; 3] = ["off", "warn", "enforce"];
const TOLERANCES: [&str; 6] = ["none", "negligible", "low", "medium", "high", "critical"];
const RULE_KEYS: [&str; 6] = ["images", "mode", "signers", "findings", "exceptions", "hold"];

/// What a policy file says.
pub(super) struct Read {
    pub(super) rules: Vec<Rule>,
    pub(super) revocation: Option<Revocation>,
}

/// Reads a policy, or all that is wrong with it.
pub(super) fn read(text: &str, name: &str, folder: &Path) -> Result<Read, PolicyError> {
    let lines = Lines::of(text);
    let document = DeTable::parse(text).map_err(|error| {
        let line = error.span().map(|span| lines.line(&span));
        let message = format!("not TOML: {}", error.message().replace('\n', "; "));
        PolicyError { name: name.to_owned(), problems: vec![Problem { line, message }] }
    })?;
    let mut problems = Problems::new(&lines);
    let top = Section::open("the file", &["rule", "teams", "revocation"], document.get_ref(), 0..0, &mut problems);
    let teams = top.optional("teams").map(|value| teams::read(value, folder, &mut problems)).unwrap_or_default();
    let revocation = top.optional("revocation").and_then(|value| revocation::read(value, folder, &mut problems));
    let around = Around { folder, teams: &teams };
    let mut rules = Vec::new();
    if let Some(value) = top.optional("rule") {
        for (table, span) in tables("rule", value, "each rule under [[rule]]", &mut problems) {
            rules.extend(rule(table, span, around, &mut problems));
        }
    }
    if rules.len() > MOST_RULES {
        problems.add(&(0..0), format!("{} rules; {MOST_RULES} is the most", rules.len()));
    }
    check_reachable(&rules, &mut problems);
    match problems.into_sorted() {
        problems if problems.is_empty() => {
            Ok(Read { rules: rules.into_iter().map(|(rule, _)| rule).collect(), revocation })
        }
        problems => Err(PolicyError { name: name.to_owned(), problems }),
    }
}

/// What stands around a rule.
#[derive(Clone, Copy)]
struct Around<'a> {
    /// Where relative paths start.
    folder: &'a Path,
    /// The teams of the file.
    teams: &'a [teams::Team],
}

fn rule(
    table: &DeTable<'_>,
    span: Range<usize>,
    around: Around<'_>,
    problems: &mut Problems<'_>,
) -> Option<(Rule, Range<usize>)> {
    let line = problems.line(&span);
    let section = Section::open("[[rule]]", &RULE_KEYS, table, span.clone(), problems);
    let images = section
        .required("images", "images = \"REGISTRY/REPOSITORY\", with `*` and `**` in it", problems)
        .and_then(|value| {
            let text = string("images", value, "images = \"registry.example.com/payments/**\"", problems)?;
            text.parse().map_err(|error| problems.add(&value.span(), format!("`images`: {error}"))).ok()
        });
    let mode = section.required("mode", "mode = \"warn\" or \"enforce\" (or \"off\")", problems).and_then(|value| {
        let text = string("mode", value, "mode = \"enforce\"", problems)?;
        match text {
            "off" => Some(Mode::Off),
            "warn" => Some(Mode::Warn),
            "enforce" => Some(Mode::Enforce),
            other => {
                problems.add(&value.span(), unknown_word("mode", other, &MODES));
                None
            }
        }
    });
    let signers = section.optional("signers").map(|value| signers::read(value, around, problems));
    let findings = section.optional("findings").and_then(|value| findings_limit(value, problems));
    let exceptions = section.optional("exceptions").map(|value| exceptions(value, problems));

    let hold = flag("hold", section.optional("hold"), problems);

    let demands = section.optional("signers").is_some() || section.optional("findings").is_some();
    if !demands && matches!(mode, Some(Mode::Warn | Mode::Enforce)) {
        problems.add(&span, "the rule demands nothing; add `signers` or `findings`, or write mode = \"off\"");
    }
    if hold == Some(true) && (signers.as_ref().is_none_or(Vec::is_empty) || mode == Some(Mode::Off)) {
        problems.add(
            &span,
            "`hold` keeps an image back until it is signed, but the rule demands no signature; add `signers`",
        );
    }
    if exceptions.is_some() && section.optional("findings").is_none() {
        problems.add(&span, "the rule has exceptions but no `findings` that they could be from; add `findings`");
    }
    let rule = Rule {
        images: images?,
        mode: mode?,
        signers: signers.unwrap_or_default(),
        findings,
        exceptions: exceptions.unwrap_or_default(),
        hold: hold?,
        line,
    };
    Some((rule, span))
}

/// `{ at-most = "medium", only-fixable = true, index-age = "7d" }`.
fn findings_limit(value: &Spanned<DeValue<'_>>, problems: &mut Problems<'_>) -> Option<FindingsLimit> {
    const EXAMPLE: &str = "findings = { at-most = \"medium\" }";
    let table = table("findings", value, EXAMPLE, problems)?;
    let section = Section::open(
        "findings",
        &["at-most", "only-fixable", "allow-unknown", "index-age"],
        table,
        value.span(),
        problems,
    );
    let at_most = section
        .required("at-most", "at-most = \"medium\" (the worst that is let through)", problems)
        .and_then(|value| {
            let text = string("at-most", value, "at-most = \"medium\"", problems)?;
            let tolerance = tolerance(text);
            if tolerance.is_none() {
                problems.add(&value.span(), unknown_word("at-most", text, &TOLERANCES));
            }
            tolerance
        });
    let mut is_set = |key| flag(key, section.optional(key), problems);
    let (only_fixable, allow_unknown) = (is_set("only-fixable"), is_set("allow-unknown"));
    let index_age = section.optional("index-age").and_then(|value| {
        let text = string("index-age", value, "index-age = \"7d\"", problems)?;
        text.parse().map_err(|error| problems.add(&value.span(), format!("`index-age`: {error}"))).ok()
    });
    Some(FindingsLimit { at_most: at_most?, only_fixable: only_fixable?, allow_unknown: allow_unknown?, index_age })
}

/// A boolean that is false where it is not written; `None` where something else is.
fn flag(key: &str, value: Option<&Spanned<DeValue<'_>>>, problems: &mut Problems<'_>) -> Option<bool> {
    match value.map(|value| (value, value.get_ref())) {
        None => Some(false),
        Some((_, DeValue::Boolean(is_set))) => Some(*is_set),
        Some((value, _)) => {
            wrong_type(key, "a boolean", value, &format!("{key} = true"), problems);
            None
        }
    }
}

fn tolerance(word: &str) -> Option<Tolerance> {
    Some(match word {
        "none" => Tolerance::Nothing,
        "negligible" => Tolerance::UpTo(Severity::Negligible),
        "low" => Tolerance::UpTo(Severity::Low),
        "medium" => Tolerance::UpTo(Severity::Medium),
        "high" => Tolerance::UpTo(Severity::High),
        "critical" => Tolerance::UpTo(Severity::Critical),
        _ => return None,
    })
}

fn exceptions(value: &Spanned<DeValue<'_>>, problems: &mut Problems<'_>) -> Vec<Exception> {
    tables("exceptions", value, "each exception under [[rule.exceptions]]", problems)
        .into_iter()
        .filter_map(|(table, span)| exception(table, span, problems))
        .collect()
}

fn exception(table: &DeTable<'_>, span: Range<usize>, problems: &mut Problems<'_>) -> Option<Exception> {
    let section = Section::open("[[rule.exceptions]]", &["id", "reason", "until"], table, span, problems);
    let id = section.required("id", "id = \"CVE-2026-1234\"", problems).and_then(|value| {
        let id = string("id", value, "id = \"CVE-2026-1234\"", problems)?.trim();
        if id.is_empty() || id.contains(char::is_whitespace) || id.contains('*') {
            problems.add(
                &value.span(),
                format!("`id` is {:?}; write one finding's id, such as \"CVE-2026-1234\"", excerpt(id)),
            );
            return None;
        }
        Some(id.to_owned())
    });
    let reason = section
        .required("reason", "reason = \"why it may stay, for whoever reads this next\"", problems)
        .and_then(|value| {
            let reason = string("reason", value, "reason = \"not reachable, see ticket 4711\"", problems)?.trim();
            if reason.is_empty() {
                problems.add(&value.span(), "`reason` is empty; write why this finding may stay");
                return None;
            }
            Some(reason.to_owned())
        });
    let until = match section.optional("until") {
        None => Some(None),
        Some(value) => date(value, problems).map(Some),
    };
    Some(Exception { id: id?, reason: reason?, until: until? })
}

/// A date without a time of day: `2027-01-31`.
fn date(value: &Spanned<DeValue<'_>>, problems: &mut Problems<'_>) -> Option<Date> {
    const EXAMPLE: &str = "until = 2027-01-31, the last day on which it holds";
    let DeValue::Datetime(found) = value.get_ref() else {
        let quoted = if matches!(value.get_ref(), DeValue::String(_)) { " (without quotes)" } else { "" };
        wrong_type("until", "a date", value, &format!("{EXAMPLE}{quoted}"), problems);
        return None;
    };
    let (Some(date), None, None) = (found.date, found.time, found.offset) else {
        problems
            .add(&value.span(), format!("`until` is {found}, but a day is wanted, without a time; write {EXAMPLE}"));
        return None;
    };
    // TOML's grammar takes 2027-02-30; the calendar does not.
    let day = Month::try_from(date.month)
        .ok()
        .and_then(|month| Date::from_calendar_date(i32::from(date.year), month, date.day).ok());
    if day.is_none() {
        problems.add(&value.span(), format!("`until` is {found}, which no calendar has; write {EXAMPLE}"));
    }
    day
}

/// A rule whose pattern an earlier rule has already never holds: its author believes in something that is not so.
fn check_reachable(rules: &[(Rule, Range<usize>)], problems: &mut Problems<'_>) {
    let mut seen = std::collections::HashMap::new();
    let mut everything: Option<usize> = None;
    for (rule, span) in rules {
        let pattern = rule.images.as_str();
        if let Some(earlier) = everything.or_else(|| seen.get(pattern).copied()) {
            problems.add(
                span,
                format!("the rule for \"{pattern}\" never holds: the rule on line {earlier} matches first; put this one above it, or take it out"),
            );
            continue;
        }
        seen.insert(pattern, rule.line);
        if pattern == "**" {
            everything = Some(rule.line);
        }
    }
}

fn table<'t, 'i>(
    key: &str,
    value: &'t Spanned<DeValue<'i>>,
    example: &str,
    problems: &mut Problems<'_>,
) -> Option<&'t DeTable<'i>> {
    if let DeValue::Table(table) = value.get_ref() {
        return Some(table);
    }
    wrong_type(key, "a table", value, example, problems);
    None
}

fn tables<'t, 'i>(
    key: &str,
    value: &'t Spanned<DeValue<'i>>,
    example: &str,
    problems: &mut Problems<'_>,
) -> Vec<(&'t DeTable<'i>, Range<usize>)> {
    let DeValue::Array(array) = value.get_ref() else {
        wrong_type(key, "an array of tables", value, example, problems);
        return Vec::new();
    };
    array.iter().filter_map(|entry| Some((table(key, entry, example, problems)?, entry.span()))).collect()
}

fn unknown_word(key: &str, found: &str, words: &[&str]) -> String {
    let found = excerpt(found);
    match closest(&found, words) {
        Some(word) => format!("`{key}` is {found:?}; did you mean \"{word}\"? It can be {}", listed(words)),
        None => format!("`{key}` is {found:?}; it can be {}", listed(words)),
    }
}
