//! `policy.toml`, read and checked.

mod lines;
mod parse;
mod problem;
mod section;

use std::path::Path;

use image::Digest;
use keys::PublicKey;

use crate::{Mode, Rule};

pub use problem::{PolicyError, Problem};

/// `policy.toml`, read and checked. The default one has no rules: everything is off.
#[derive(Clone, Debug)]
pub struct Policy {
    name: String,
    rules: Vec<Rule>,
    version: Digest,
}

/// What the rule for a repository wants to be told before it can decide.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Signatures, checked against these keys.
    pub signers: Option<Vec<PublicKey>>,
    /// The image's findings.
    pub findings: bool,
}

impl Policy {
    /// Reads a policy. `name` is for errors; `folder` is where the relative paths of key files start.
    pub fn parse(text: &str, name: &str, folder: &Path) -> Result<Self, PolicyError> {
        let rules = parse::rules(text, name, folder)?;
        let version = version(text, &rules);
        Ok(Self { name: name.to_owned(), rules, version })
    }

    /// The file that it was read from, as errors and reasons name it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rules, in the order in which they are tried.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Tells this policy from every other: SHA-256 over its text and the keys that it names, since a decision hangs on
    /// both.
    pub fn version(&self) -> &Digest {
        &self.version
    }

    /// The rule that holds for a repository: the first that matches.
    pub fn rule_for(&self, repository: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.images.matches(repository))
    }

    /// What the rule that holds for a repository needs to know.
    pub fn needs(&self, repository: &str) -> Needs {
        match self.rule_for(repository) {
            Some(rule) if rule.mode != Mode::Off => Needs {
                signers: rule
                    .signers
                    .as_ref()
                    .map(|signers| signers.keys.iter().map(|trusted| trusted.key.clone()).collect()),
                findings: rule.findings.is_some(),
            },
            _ => Needs::default(),
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self { name: String::new(), rules: Vec::new(), version: version("", &[]) }
    }
}

fn version(text: &str, rules: &[Rule]) -> Digest {
    let mut bytes = text.as_bytes().to_vec();
    for trusted in rules.iter().filter_map(|rule| rule.signers.as_ref()).flat_map(|signers| &signers.keys) {
        // A zero byte cannot stand in TOML, so no text can be mistaken for a text and a key.
        bytes.push(0);
        bytes.extend_from_slice(trusted.key.der());
    }
    Digest::sha256(&bytes)
}
