//! May this image be used, by this caller, for this?
//!
//! Facts come from `trust` and `scan`; only here are they judged, by one policy file ([`Policy`]).

use std::path::Path;

use findings::Report;
use thiserror::Error;
use trust::Signature;

/// `policy.toml`, read and checked.
#[derive(Clone, Debug, Default)]
pub struct Policy {}

/// What the rule for a repository wants to be told before it can decide.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Signatures, checked against these keys.
    pub signers: Option<Vec<keys::PublicKey>>,
    /// The image's findings.
    pub findings: bool,
}

/// What is known of an image when it is judged.
#[derive(Debug)]
pub struct Facts<'a> {
    /// Registry and repository that it came from (`registry.example.com/payments/api`).
    pub repository: &'a str,
    /// Its platform manifest.
    pub digest: &'a image::Digest,
    /// Valid signatures; an error text where they could not be fetched.
    pub signatures: Option<Result<Vec<Signature>, String>>,
    /// Its findings; an error text where there are none (pending, no index).
    pub report: Option<Result<&'a Report, String>>,
    /// The time to judge by.
    pub now: time::OffsetDateTime,
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

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it may be used.
    pub allowed: bool,
    /// The mode of the rule that held.
    pub mode: Mode,
    /// The pattern of the rule that held; `None` where none matched.
    pub rule: Option<String>,
    /// What was missing or wrong, one sentence each with what would mend it. Not empty with `allowed` in mode warn.
    pub reasons: Vec<String>,
}

/// Why a policy file is not one: named by line.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct PolicyError(pub String);

impl Policy {
    /// Reads a policy. `name` is for errors; `folder` is where the relative paths of key files start.
    pub fn parse(_text: &str, _name: &str, _folder: &Path) -> Result<Self, PolicyError> {
        unimplemented!("owner: gate room")
    }

    /// What the rule that holds for a repository needs to know.
    pub fn needs(&self, _repository: &str) -> Needs {
        unimplemented!("owner: gate room")
    }

    /// Judges.
    pub fn decide(&self, _facts: &Facts<'_>) -> Verdict {
        unimplemented!("owner: gate room")
    }
}
