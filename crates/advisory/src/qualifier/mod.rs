//! Reasons why a record that applies by OSV's plain rules is not counted as a finding.
//!
//! The plain answer is never lost: what is suppressed stays a [`Match`](crate::Match) with its [`Suppression`], and
//! outputs list it when they are asked to (`--all`).

pub(crate) mod go;
mod module_stream;
pub(crate) mod red_hat;
pub(crate) mod ubuntu_pro;

use inventory::Inventory;
use inventory::package::Located;
use serde::{Deserialize, Serialize};

use crate::claim::{Claim, Reading};
use crate::index::{AffectedRow, Damage};
use crate::places::Place;

type Read<T> = Result<T, Damage>;

/// What the image tells of a package beyond its name and version.
#[derive(Clone, Copy)]
pub(crate) struct Image<'a> {
    pub(crate) located: &'a Located,
    pub(crate) inventory: &'a Inventory,
}

/// A record that applies to a package of an image.
pub(crate) struct Case<'a> {
    pub(crate) image: Image<'a>,
    /// The name under which the record was found.
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) place: Place<'a>,
    /// Whether Red Hat's base system has records of the package.
    pub(crate) in_base: bool,
    pub(crate) claim: Claim<'a>,
    /// By which rules it applies.
    pub(crate) reading: Reading,
    /// What all records say of the package.
    pub(crate) of_package: &'a [AffectedRow],
    /// What the record says of it under Ubuntu Pro.
    pub(crate) pro: Option<&'a (String, Claim<'a>)>,
}

/// The first rule that says that a record does not count.
pub(crate) fn judge(case: &Case<'_>) -> Read<Option<Suppression>> {
    for rule in [go::not_linked, module_stream::judge, ubuntu_pro::judge] {
        if let Some(suppression) = rule(case)? {
            return Ok(Some(suppression));
        }
    }
    Ok(red_hat::judge(case))
}

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
