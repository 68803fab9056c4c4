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

use super::lines::Lines;
use super::problem::{PolicyError, Problem};
use super::section::{Problems, Section, closest, excerpt, listed, string, wrong_type};
use crate::{Exception, FindingsLimit, Mode, Rule, Signers, Tolerance, TrustedKey};

mod key_file;

/// Far above any policy that people review; below what would make matching slow.
const MOST_RULES: usize = 10_000;
const MODES: [&str; 3] = ["off", "warn", "enforce"];
const TOLERANCES: [&str; 6] = ["none", "negligible", "low", "medium", "high", "critical"];
const RULE_KEYS: [&str; 5] = ["images", "mode", "signers", "findings", "exceptions"];

/// Reads the rules of a policy, or all that is wrong with it.
pub(super) fn rules(text: &str, name: &str, folder: &Path) -> Result<Vec<Rule>, PolicyError> {
    let lines = Lines::of(text);
    let document = DeTable::parse(text).map_err(|error| {
        let line = error.span().map(|span| lines.line(&span));
        let message = format!("not TOML: {}", error.message().replace('\n', "; "));
        PolicyError { name: name.to_owned(), problems: vec![Problem { line, message }] }
    })?;
    let mut problems = Problems::new(&lines);
    let top = Section::open("the file", &["rule"], document.get_ref(), 0..0, &mut problems);
    let mut rules = Vec::new();
    if let Some(value) = top.optional("rule") {
        for (table, span) in tables("rule", value, "each rule under [[rule]]", &mut problems) {
            rules.extend(rule(table, span, folder, &mut problems));
        }
    }
    if rules.len() > MOST_RULES {
        problems.add(&(0..0), format!("{} rules; {MOST_RULES} is the most", rules.len()));
    }
    check_reachable(&rules, &mut problems);
    match problems.into_sorted() {
        problems if problems.is_empty() => Ok(rules.into_iter().map(|(rule, _)| rule).collect()),
        problems => Err(PolicyError { name: name.to_owned(), problems }),
    }
}

fn rule(
    table: &DeTable<'_>,
    span: Range<usize>,
    folder: &Path,
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
    let signers = section.optional("signers").and_then(|value| signers(value, folder, problems));
    let findings = section.optional("findings").and_then(|value| findings_limit(value, problems));
    let exceptions = section.optional("exceptions").map(|value| exceptions(value, problems));

    let demands = section.optional("signers").is_some() || section.optional("findings").is_some();
    if !demands && matches!(mode, Some(Mode::Warn | Mode::Enforce)) {
        problems.add(&span, "the rule demands nothing; add `signers` or `findings`, or write mode = \"off\"");
    }
    if exceptions.is_some() && section.optional("findings").is_none() {
        problems.add(&span, "the rule has exceptions but no `findings` that they could be from; add `findings`");
    }
    let rule =
        Rule { images: images?, mode: mode?, signers, findings, exceptions: exceptions.unwrap_or_default(), line };
    Some((rule, span))
}

/// `{ keys = ["release.pub"], threshold = 1 }`.
fn signers(value: &Spanned<DeValue<'_>>, folder: &Path, problems: &mut Problems<'_>) -> Option<Signers> {
    const EXAMPLE: &str = "signers = { keys = [\"release.pub\"], threshold = 1 }";
    let table = table("signers", value, EXAMPLE, problems)?;
    let section = Section::open("signers", &["keys", "threshold"], table, value.span(), problems);
    let keys = section.required("keys", "keys = [\"release.pub\"]", problems).and_then(|value| {
        let DeValue::Array(array) = value.get_ref() else {
            wrong_type("keys", "an array of file names", value, "keys = [\"release.pub\"]", problems);
            return None;
        };
        if array.is_empty() {
            problems
                .add(&value.span(), "`keys` is empty, so that nothing could ever be allowed; name a public key's file");
            return None;
        }
        let mut keys: Vec<TrustedKey> = Vec::new();
        for entry in array {
            let Some(name) = string("keys", entry, "each key as a file name", problems) else { continue };
            match key_file::read(name, folder) {
                Ok(key) => match keys.iter().find(|known| known.key == key) {
                    // Counted twice it would let one person reach a threshold of two.
                    Some(known) => problems.add(
                        &entry.span(),
                        format!("{name:?} holds the same key as {:?}; name each key once", known.name),
                    ),
                    None => keys.push(TrustedKey { name: name.to_owned(), key }),
                },
                Err(message) => problems.add(&entry.span(), message),
            }
        }
        // A key that could not be read is a problem already; complaining of the threshold besides would mislead.
        (keys.len() == array.len()).then_some(keys)
    });
    let threshold = match section.optional("threshold") {
        None => Some(1),
        Some(value) => threshold(value, keys.as_ref().map(Vec::len), problems),
    };
    Some(Signers { keys: keys?, threshold: threshold? })
}

fn threshold(value: &Spanned<DeValue<'_>>, keys: Option<usize>, problems: &mut Problems<'_>) -> Option<usize> {
    let DeValue::Integer(integer) = value.get_ref() else {
        wrong_type("threshold", "an integer", value, "threshold = 1", problems);
        return None;
    };
    let number = usize::from_str_radix(integer.as_str(), integer.radix()).ok();
    match (number, keys) {
        (None | Some(0), _) => {
            problems.add(
                &value.span(),
                format!("`threshold` is {integer}; write how many of the keys must have signed, at least 1"),
            );
            None
        }
        (Some(number), Some(keys)) if number > keys => {
            problems.add(
                &value.span(),
                format!("`threshold` is {number}, but there are only {keys} keys, so that nothing could ever be allowed; write at most {keys}"),
            );
            None
        }
        (number, _) => number,
    }
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
    let mut flag = |key: &'static str| match section.optional(key).map(|value| (value, value.get_ref())) {
        None => false,
        Some((_, DeValue::Boolean(is_set))) => *is_set,
        Some((value, _)) => {
            wrong_type(key, "a boolean", value, &format!("{key} = true"), problems);
            false
        }
    };
    let (only_fixable, allow_unknown) = (flag("only-fixable"), flag("allow-unknown"));
    let index_age = section.optional("index-age").and_then(|value| {
        let text = string("index-age", value, "index-age = \"7d\"", problems)?;
        text.parse().map_err(|error| problems.add(&value.span(), format!("`index-age`: {error}"))).ok()
    });
    Some(FindingsLimit { at_most: at_most?, only_fixable, allow_unknown, index_age })
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
