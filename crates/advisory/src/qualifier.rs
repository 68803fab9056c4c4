//! Reasons why a record that applies by OSV's plain rules is not counted as a finding.
//!
//! The plain answer is never lost: what is suppressed stays a [`Match`](crate::Match) with its [`Suppression`], and
//! outputs list it when they are asked to (`--all`).

use serde::{Deserialize, Serialize};

/// Why a record that applies is not counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// By which rule.
    pub rule: Rule,
    /// What was seen that made the rule hold, half a sentence for people ("`python3-idna` of Debian owns its files").
    pub reason: String,
}

/// The rules that may suppress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// A distribution's package owns the files and is judged by the distribution's own advisories.
    Owned,
    /// The record names functions or packages, and none of them is linked into the executable.
    NotLinked,
    /// The record's own ranges for the ecosystem replace an unbounded one and do not hold the version (Go).
    CustomRange,
    /// The record is about another module stream.
    ModuleStream,
    /// The record is about packages of other repositories or another product than the image's.
    Repository,
    /// An ignore file says so.
    Ignored,
    /// A policy's exception says so.
    Exception,
    /// The image that it is compared with has it too.
    Baseline,
    /// No version mends it, and only what can be mended was asked for.
    Unfixed,
}

impl Rule {
    /// Its name, as serde writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Owned => "owned",
            Self::NotLinked => "not-linked",
            Self::CustomRange => "custom-range",
            Self::ModuleStream => "module-stream",
            Self::Repository => "repository",
            Self::Ignored => "ignored",
            Self::Exception => "exception",
            Self::Baseline => "baseline",
            Self::Unfixed => "unfixed",
        }
    }
}
