//! One table of the file, taken apart key by key: what is asked for is checked for its type, what nobody asked for is
//! an unknown key.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::lines::Lines;
use super::problem::Problem;

/// What was found wrong so far.
pub(super) struct Problems<'a> {
    lines: &'a Lines,
    found: Vec<Problem>,
}

impl<'a> Problems<'a> {
    pub(super) fn new(lines: &'a Lines) -> Self {
        Self { lines, found: Vec::new() }
    }

    pub(super) fn add(&mut self, span: &Range<usize>, message: impl Into<String>) {
        self.found.push(Problem { line: Some(self.lines.line(span)), message: message.into() });
    }

    pub(super) fn line(&self, span: &Range<usize>) -> usize {
        self.lines.line(span)
    }

    /// All of them, by line.
    pub(super) fn into_sorted(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|problem| problem.line);
        self.found
    }
}

/// A table with its name for errors and the keys that it may have.
pub(super) struct Section<'t, 'i> {
    /// `[[rule]]`, `signers`, …
    name: &'static str,
    span: Range<usize>,
    known: &'static [&'static str],
    table: &'t DeTable<'i>,
}

impl<'t, 'i> Section<'t, 'i> {
    /// Opens a table and names every key in it that is not known.
    pub(super) fn open(
        name: &'static str,
        known: &'static [&'static str],
        table: &'t DeTable<'i>,
        span: Range<usize>,
        problems: &mut Problems<'_>,
    ) -> Self {
        for (key, _) in table.iter().filter(|(key, _)| !known.contains(&key.get_ref().as_ref())) {
            let written = key.get_ref();
            let instead = match closest(written, known) {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("write one of {}", listed(known)),
            };
            problems.add(&key.span(), format!("unknown key {:?} in {name}; {instead}", excerpt(written)));
        }
        Self { name, span, known, table }
    }

    /// Where the table stands.
    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The value of a key that may be absent.
    pub(super) fn optional(&self, key: &'static str) -> Option<&'t Spanned<DeValue<'i>>> {
        debug_assert!(self.known.contains(&key), "{key} is not among the known keys of {}", self.name);
        self.table.iter().find(|(written, _)| written.get_ref() == key).map(|(_, value)| value)
    }

    /// The value of a key that must be there; `example` is what to write.
    pub(super) fn required(
        &self,
        key: &'static str,
        example: &str,
        problems: &mut Problems<'_>,
    ) -> Option<&'t Spanned<DeValue<'i>>> {
        let value = self.optional(key);
        if value.is_none() {
            problems.add(&self.span, format!("{} has no `{key}`; write {example}", self.name));
        }
        value
    }
}

/// What a value is, in the words of TOML.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// A string, or a problem that says what was there and what to write.
pub(super) fn string<'t>(
    key: &str,
    value: &'t Spanned<DeValue<'_>>,
    example: &str,
    problems: &mut Problems<'_>,
) -> Option<&'t str> {
    if let DeValue::String(text) = value.get_ref() {
        return Some(text);
    }
    wrong_type(key, "a string", value, example, problems);
    None
}

pub(super) fn wrong_type(
    key: &str,
    wanted: &str,
    value: &Spanned<DeValue<'_>>,
    example: &str,
    problems: &mut Problems<'_>,
) {
    let found = kind(value.get_ref());
    problems.add(&value.span(), format!("`{key}` must be {wanted}, but {found} was found; write {example}"));
}

/// As much of what was written as an error needs.
pub(super) fn excerpt(text: &str) -> String {
    const MOST: usize = 80;
    let mut excerpt: String = text.chars().take(MOST).collect();
    if excerpt.len() < text.len() {
        excerpt.push('…');
    }
    excerpt
}

/// `` `a`, `b` or `c` ``.
pub(super) fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// The one of `words` that differs from `written` by at most two letters, or by case and dashes only.
pub(super) fn closest<'w>(written: &str, words: &[&'w str]) -> Option<&'w str> {
    // Beyond the longest known word by more than two letters there is nothing near; it bounds the work, too.
    if written.len() > 32 {
        return None;
    }
    words
        .iter()
        .map(|word| (distance(&written.to_ascii_lowercase(), word), *word))
        .filter(|(distance, word)| *distance <= 2 && *distance < word.len() / 2 + 1)
        .min()
        .map(|(_, word)| word)
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
