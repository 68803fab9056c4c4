//! Which records apply to a package.

use serde::{Deserialize, Serialize};

use crate::Severity;

/// A record that applies to a package.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Match {
    /// The record's own id (`DSA-5678-1`, `PYSEC-2021-19`).
    pub id: String,
    /// Other ids of the same thing, CVEs first.
    pub aliases: Vec<String>,
    /// One line.
    pub summary: String,
    /// How bad, and who said so.
    pub severity: Severity,
    /// CVSS base score, where a vector gave one.
    pub score: Option<f32>,
    /// The CVSS vector or the vendor's word behind `severity`.
    pub severity_source: Option<String>,
    /// The lowest fixed version above the installed one, where there is one.
    pub fixed: Option<String>,
    /// OSV's ecosystem that matched (`Debian:12`).
    pub ecosystem: String,
    /// The name that matched (source or binary, as the ecosystem wants).
    pub package: String,
    /// Where to read more.
    pub url: String,
    /// Advisory text and references are read from the index by id when they are shown.
    pub modified: Option<String>,
}

/// What the index says of one package.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Verdict {
    /// A loaded source covers its ecosystem and release; these apply.
    Covered(Vec<Match>),
    /// No loaded source covers it; the ecosystem (`Debian:12`) that would.
    Unknown {
        /// OSV's name of the ecosystem and release that is missing.
        ecosystem: String,
    },
}
