//! A vulnerability record as a source tells it (OSV schema 1.7).
//!
//! Read leniently where leniency loses nothing (absent or null lists, unknown fields, range types of the future) and
//! strictly where a record could mean something else than it says.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use thiserror::Error;

pub use crate::severity::Severity;

/// One record. Fields that matching and pages do not use are left out.
#[derive(Clone, Debug, Hash, Deserialize)]
pub struct Record {
    /// Its own id (`PYSEC-2021-19`).
    pub id: String,
    /// When it was last changed, RFC 3339 in UTC.
    pub modified: String,
    /// When it was published.
    #[serde(default)]
    pub published: Option<String>,
    /// When it was withdrawn: it says nothing any more.
    #[serde(default)]
    pub withdrawn: Option<String>,
    /// Other ids of the very same vulnerability.
    #[serde(default, deserialize_with = "or_default")]
    pub aliases: Vec<String>,
    /// Ids of what it has to do with.
    #[serde(default, deserialize_with = "or_default")]
    pub related: Vec<String>,
    /// Ids of what it is made from (a distribution's record: the CVEs).
    #[serde(default, deserialize_with = "or_default")]
    pub upstream: Vec<String>,
    /// One line.
    #[serde(default, deserialize_with = "or_default")]
    pub summary: String,
    /// The whole text, Markdown.
    #[serde(default, deserialize_with = "or_default")]
    pub details: String,
    /// Scores for all packages.
    #[serde(default, deserialize_with = "or_default")]
    pub severity: Vec<Score>,
    /// What is affected.
    #[serde(default, deserialize_with = "or_default")]
    pub affected: Vec<Affected>,
    /// Where to read more.
    #[serde(default, deserialize_with = "or_default")]
    pub references: Vec<Reference>,
    /// What the database adds.
    #[serde(default)]
    pub database_specific: Specific,
}

/// A score: a CVSS vector or a vendor's word.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, serde::Serialize)]
pub struct Score {
    /// `CVSS_V2`, `CVSS_V3`, `CVSS_V4`, `Ubuntu`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The vector or word.
    pub score: String,
}

/// A package that is affected, and in which versions.
#[derive(Clone, Debug, Hash, Deserialize)]
pub struct Affected {
    /// Which; absent where a record tells of commits only.
    #[serde(default)]
    pub package: Option<Package>,
    /// Scores for this package; they override the record's.
    #[serde(default, deserialize_with = "or_default")]
    pub severity: Vec<Score>,
    /// Ranges of versions.
    #[serde(default, deserialize_with = "or_default")]
    pub ranges: Vec<Range>,
    /// Single versions, inside ranges or not.
    #[serde(default, deserialize_with = "or_default")]
    pub versions: Vec<String>,
    /// What the ecosystem adds.
    #[serde(default)]
    pub ecosystem_specific: Specific,
    /// What the database adds.
    #[serde(default)]
    pub database_specific: Specific,
}

/// A package's name in its ecosystem.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
pub struct Package {
    /// OSV's name, release included (`Debian:12`).
    pub ecosystem: String,
    /// The name.
    pub name: String,
}

/// A range of versions.
#[derive(Clone, Debug, Hash, Deserialize)]
pub struct Range {
    /// `SEMVER`, `ECOSYSTEM`, `GIT`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What changes where, in any order.
    #[serde(default, deserialize_with = "or_default")]
    pub events: Vec<RangeEvent>,
}

/// A change within a range. The schema wants one field in each; where a record has several, each counts.
#[derive(Clone, Debug, Default, Hash, Deserialize)]
pub struct RangeEvent {
    /// Vulnerable from here.
    #[serde(default)]
    pub introduced: Option<String>,
    /// Not vulnerable from here.
    #[serde(default)]
    pub fixed: Option<String>,
    /// Not known to be vulnerable after this.
    #[serde(default)]
    pub last_affected: Option<String>,
    /// The range says nothing from here.
    #[serde(default)]
    pub limit: Option<String>,
}

/// Where to read more.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, serde::Serialize)]
pub struct Reference {
    /// `ADVISORY`, `FIX`, `WEB`, ….
    #[serde(rename = "type", default)]
    pub kind: String,
    /// Its address.
    pub url: String,
}

/// An object without a schema, of which single texts are looked at.
#[derive(Clone, Debug, Default, Hash, Deserialize)]
#[serde(transparent)]
pub struct Specific(Value);

impl Specific {
    /// A text in it.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.as_str()
    }

    /// A list in it. Such objects have no schema: where one entry has another shape than is known, the list as a whole
    /// is not understood, for the others alone may mean something else.
    fn list<T: DeserializeOwned>(&self, key: &str) -> Vec<T> {
        let list = self.0.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        list.iter().map(T::deserialize).collect::<Result<_, _>>().unwrap_or_default()
    }

    /// Go's ranges in versions that are not the module's own (`custom_ranges` of golang/vulndb): tags of its repository
    /// that Go does not take for versions.
    pub fn custom_ranges(&self) -> Vec<Range> {
        self.list("custom_ranges")
    }

    /// Go's packages and symbols at fault (`imports` of golang/vulndb).
    pub fn imports(&self) -> Vec<Import> {
        self.list("imports")
    }
}

/// A package of a Go module in which the fault is.
#[derive(Clone, Debug, Hash, Deserialize)]
pub struct Import {
    /// Its import path.
    pub path: String,
    /// The functions at fault (`Server.ServeConn`); none where the whole package is.
    #[serde(default, deserialize_with = "or_default")]
    pub symbols: Vec<String>,
    /// The systems on which it is at fault; none where on all.
    #[serde(default, deserialize_with = "or_default")]
    pub goos: Vec<String>,
    /// The architectures on which it is at fault; none where on all.
    #[serde(default, deserialize_with = "or_default")]
    pub goarch: Vec<String>,
}

/// Why bytes are no record.
#[derive(Debug, Error)]
pub enum RecordError {
    /// Not JSON, or not of the schema's shape.
    #[error("not an OSV record: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A field has a value that cannot be what it should be.
    #[error("{field} is {found:?}: {wanted}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What stands there, shortened.
        found: String,
        /// What should.
        wanted: &'static str,
    },
}

/// Longest id, ecosystem, package name or version: far above any real one, far below what could fill memory.
const LONGEST_NAME: usize = 1024;

/// Reads one record.
pub fn parse(json: &[u8]) -> Result<Record, RecordError> {
    let record: Record = serde_json::from_slice(json)?;
    check("id", &record.id)?;
    if time::OffsetDateTime::parse(&record.modified, &time::format_description::well_known::Rfc3339).is_err() {
        return Err(wrong("modified", &record.modified, "it must be a time such as 2026-01-31T12:00:00Z"));
    }
    for affected in &record.affected {
        if let Some(package) = &affected.package {
            check("affected.package.ecosystem", &package.ecosystem)?;
            check("affected.package.name", &package.name)?;
        }
    }
    Ok(record)
}

/// Whether a version, or the id of another record, is no longer than any real one. Who compiles a record leaves out
/// those that are, and keeps the record.
pub(crate) fn is_plausible(text: &str) -> bool {
    text.len() <= LONGEST_NAME
}

fn check(field: &'static str, text: &str) -> Result<(), RecordError> {
    if text.is_empty() {
        return Err(wrong(field, text, "it must not be empty"));
    }
    if text.len() > LONGEST_NAME {
        return Err(wrong(field, text, "it must not be longer than 1024 bytes"));
    }
    if text.chars().any(char::is_control) {
        return Err(wrong(field, text, "it must not hold control characters"));
    }
    Ok(())
}

fn wrong(field: &'static str, found: &str, wanted: &'static str) -> RecordError {
    RecordError::Field { field, found: found.chars().take(60).collect(), wanted }
}

/// `null` where the schema or a careless writer allows it means absent.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_and_absent_lists_are_empty_and_unknown_fields_are_no_matter() {
        let record = parse(
            br#"{"id": "A-1", "modified": "2026-01-01T00:00:00Z", "aliases": null, "affected": null, "new": {}}"#,
        );
        assert!(record.expect("a record").affected.is_empty());
    }

    #[test]
    fn a_record_must_have_an_id_and_a_time() {
        for json in [
            r#"{"modified": "2026-01-01T00:00:00Z"}"#,
            r#"{"id": "A-1"}"#,
            r#"{"id": "", "modified": "2026-01-01T00:00:00Z"}"#,
            r#"{"id": "A\u001b[31m", "modified": "2026-01-01T00:00:00Z"}"#,
            r#"{"id": "A-1", "modified": "yesterday"}"#,
            r#"{"id": "A-1", "modified": "2026-01-01T00:00:00Z", "affected": {}}"#,
            r"[]",
            "",
        ] {
            assert!(parse(json.as_bytes()).is_err(), "{json}");
        }
    }

    #[test]
    fn nesting_without_end_is_refused() {
        let deep = format!(r#"{{"id": "A-1", "modified": "2026-01-01T00:00:00Z", "x": {}"#, "[".repeat(100_000));
        assert!(parse(deep.as_bytes()).is_err());
    }
}
