//! The ignore file: findings that somebody decided not to count, each with the reason.
//!
//! ```toml
//! [[ignore]]
//! id = "CVE-2026-1234"              # any id of it; "*" for all of what the next lines choose
//! package = "curl"                  # optional: the package's or its source package's name
//! purl = "pkg:deb/debian/curl"      # optional: with a version only that one
//! path = "/opt/tools/**"            # optional: the file that tells of the package
//! reason = "not reachable, see ticket 4711"
//! until = 2027-01-31                # optional: the last day on which it holds, to midnight UTC
//! ```
//!
//! What it lets go stays in the report with the reason. An entry that ended or that nothing is like is said: a file
//! that nobody looks at must not grow old unseen.

mod entry;
mod places;

use std::ops::Range;

use advisory::{Rule, Suppression};
use serde::Deserialize;
use thiserror::Error;
use time::Date;
use toml::Spanned;

use crate::escape::plain;
use crate::{Group, Report};
use entry::Entry;

/// A file that was read and is sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IgnoreFile {
    name: String,
    entries: Vec<Entry>,
}

/// Why a file is not sound.
#[derive(Debug, Error)]
pub enum IgnoreError {
    /// It is no TOML, or has keys that nobody knows.
    #[error("ignore file {name} cannot be read: line {line}: {problem}")]
    Syntax {
        /// The file.
        name: String,
        /// The line on which it is wrong.
        line: usize,
        /// What, as the parser says.
        problem: String,
    },
    /// Entries say something that cannot be.
    #[error("ignore file {name} is not right: {}", problems.join("; "))]
    Entries {
        /// The file.
        name: String,
        /// Each begins with its line.
        problems: Vec<String>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    ignore: Vec<Spanned<entry::Written>>,
}

/// A file of more entries is generated, and matching it against every finding would take long.
const MOST_ENTRIES: usize = 10_000;

impl IgnoreFile {
    /// Largest file that is read.
    pub const MOST_BYTES: u64 = 1 << 20;

    /// Reads a file's text; `name` is what messages call it.
    pub fn parse(text: &str, name: &str) -> Result<Self, IgnoreError> {
        let document: Document = toml::from_str(text).map_err(|error| IgnoreError::Syntax {
            name: plain(name),
            line: error.span().map_or(1, |span| line(text, &span)),
            problem: plain(error.message()),
        })?;
        let (mut entries, mut problems) = (Vec::new(), Vec::new());
        if document.ignore.len() > MOST_ENTRIES {
            problems.push(format!("it has {} entries, and at most {MOST_ENTRIES} are read", document.ignore.len()));
        }
        for written in document.ignore.into_iter().take(MOST_ENTRIES) {
            let line = line(text, &written.span());
            match Entry::read(written.into_inner(), line) {
                Ok(entry) => entries.push(entry),
                Err(problem) => problems.push(format!("line {line}: {problem}")),
            }
        }
        if problems.is_empty() {
            Ok(Self { name: plain(name), entries })
        } else {
            Err(IgnoreError::Entries { name: plain(name), problems })
        }
    }

    /// Lets go what the file's entries of today name, and notes in the report what ended and what was like nothing.
    pub fn apply(&self, report: &mut Report, today: Date) {
        let mut used = vec![false; self.entries.len()];
        let mut half: Vec<String> = Vec::new();
        report.suppress(|group| {
            let named = self.naming(group, today);
            for (number, _) in &named {
                used[*number] = true;
            }
            if let Some(missing) = missing_of_notice(group, &named) {
                if !named.is_empty() {
                    half.push(format!("{} stays: it is also about {}", group.key(), missing.join(", ")));
                }
                return None;
            }
            let (_, entry) = named.first()?;
            Some(Suppression { rule: Rule::Ignored, reason: self.reason(entry) })
        });
        half.sort_unstable();
        half.dedup();
        let said = self.entries.iter().zip(used).filter_map(|(entry, used)| {
            let line = entry.line;
            match entry.until {
                Some(until) if until < today => {
                    Some(format!("{} line {line}: {} ended with {until} and holds no more", self.name, entry.id))
                }
                _ if !used => Some(format!("{} line {line}: nothing found is like {}", self.name, entry.id)),
                _ => None,
            }
        });
        report.notes.extend(said);
        report.notes.extend(half.into_iter().map(|half| format!("{}: {half}", self.name)));
    }

    /// The entries in force that are about a finding, with their places.
    fn naming(&self, group: &Group<'_>, today: Date) -> Vec<(usize, &Entry)> {
        let entries = self.entries.iter().enumerate();
        entries.filter(|(_, entry)| entry.holds(today) && entry.names(group)).collect()
    }

    fn reason(&self, entry: &Entry) -> String {
        let until = entry.until.map(|until| format!(", until {until}")).unwrap_or_default();
        format!("{} ({} line {}{until})", entry.reason, self.name, entry.line)
    }
}

/// Of a notice about several CVEs the ones that no entry names; `None` where it may go. One that is named by its own
/// id goes whole.
fn missing_of_notice<'a>(group: &Group<'a>, named: &[(usize, &Entry)]) -> Option<Vec<&'a str>> {
    if named.iter().any(|(_, entry)| entry.is_any()) {
        return None;
    }
    let missing = group.not_named_by(&named.iter().map(|(_, entry)| entry.id.as_str()).collect::<Vec<_>>());
    (!missing.is_empty()).then_some(missing)
}

fn line(text: &str, span: &Range<usize>) -> usize {
    text.get(..span.start).unwrap_or(text).matches('\n').count() + 1
}
