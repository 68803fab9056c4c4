//! One rule of a policy.

use std::fmt;

use advisory::Severity;
use time::Date;

use crate::{Age, Pattern, Signers};

/// What is wanted of the images that a pattern matches.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Which images.
    pub images: Pattern,
    /// How it is meant.
    pub mode: Mode,
    /// Who must have signed: each of these must hold.
    pub signers: Vec<Signers>,
    /// What may be found.
    pub findings: Option<FindingsLimit>,
    /// Findings that are let through all the same.
    pub exceptions: Vec<Exception>,
    /// Whether an image is kept back in the registry until its signatures suffice.
    pub hold: bool,
    /// The line of the policy file that its `[[rule]]` stands on.
    pub line: usize,
}

/// How a rule is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Not judged.
    #[default]
    Off,
    /// Judged, told, let through.
    Warn,
    /// Judged and held to; closed when a fact is missing.
    Enforce,
}

/// What may be found in an image.
#[derive(Clone, Debug)]
pub struct FindingsLimit {
    /// The worst that is let through.
    pub at_most: Tolerance,
    /// Count only findings that a newer version mends.
    pub only_fixable: bool,
    /// Look past packages that no loaded source covers, and parts of an image that could not be read.
    pub allow_unknown: bool,
    /// How old the advisory index may be.
    pub index_age: Option<Age>,
}

/// The worst severity that is let through.
///
/// A finding that nobody scored is below all severities, so that every tolerance but [`Tolerance::Nothing`] lets it
/// through: distributions leave thousands of old ones unscored, and a policy that refused them would be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tolerance {
    /// `none`: no finding at all.
    Nothing,
    /// This one and all below.
    UpTo(Severity),
}

impl Tolerance {
    /// Whether a finding of this severity is let through.
    pub fn admits(self, severity: Severity) -> bool {
        match self {
            Self::Nothing => false,
            Self::UpTo(worst) => severity <= worst,
        }
    }
}

/// A finding that is let through, by decision of somebody who wrote down why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The finding's id, or any of its aliases.
    pub id: String,
    /// Why; not empty.
    pub reason: String,
    /// The last day on which it holds, to midnight UTC; without one it holds until it is taken out.
    pub until: Option<Date>,
}

impl Mode {
    /// The word in the policy file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Enforce => "enforce",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Nothing => "none",
            Self::UpTo(severity) => severity_word(*severity),
        })
    }
}

/// A severity as policies and reasons write it.
pub(crate) fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Unknown => "unknown",
        Severity::Negligible => "negligible",
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}
