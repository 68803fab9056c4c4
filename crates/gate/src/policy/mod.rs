//! `policy.toml`, read and checked.

mod lines;
mod parse;
mod problem;
mod section;

use std::path::Path;

use crate::{Age, Mode, Rule, Signers, TrustedKey};
use image::Digest;

pub use problem::{PolicyError, Problem};

/// `policy.toml`, read and checked. The default one has no rules: everything is off.
#[derive(Clone, Debug)]
pub struct Policy {
    name: String,
    rules: Vec<Rule>,
    revocation: Option<Revocation>,
    version: Digest,
}

/// Who may withdraw trust from keys and images.
#[derive(Clone, Debug)]
pub struct Revocation {
    /// The keys of the revoking role; one signature is enough.
    pub keys: Vec<TrustedKey>,
    /// How old the list may be, where that is to be stricter than the expiry that it states itself.
    pub max_age: Option<Age>,
}

/// What the rule for a repository wants to be told before it can decide.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Signatures, for these demands; none where nothing is demanded of them.
    pub signers: Vec<Signers>,
    /// The list of what was revoked, where the policy names who keeps one.
    pub revocation: Option<Revocation>,
    /// The image's findings.
    pub findings: bool,
}

impl Policy {
    /// Reads a policy. `name` is for errors; `folder` is where the relative paths of key files start.
    pub fn parse(text: &str, name: &str, folder: &Path) -> Result<Self, PolicyError> {
        let parse::Read { rules, revocation } = parse::read(text, name, folder)?;
        let version = version(text, &rules, revocation.as_ref());
        Ok(Self { name: name.to_owned(), rules, revocation, version })
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

    /// Who may withdraw trust, where the policy says so.
    pub fn revocation(&self) -> Option<&Revocation> {
        self.revocation.as_ref()
    }

    /// The rule that holds for a repository: the first that matches.
    pub fn rule_for(&self, repository: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.images.matches(repository))
    }

    /// What the rule that holds for a repository needs to know.
    pub fn needs(&self, repository: &str) -> Needs {
        match self.rule_for(repository) {
            Some(rule) if rule.mode != Mode::Off => Needs {
                revocation: self.revocation.clone(),
                signers: rule.signers.clone(),
                findings: rule.findings.is_some(),
            },
            _ => Needs::default(),
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self { name: String::new(), rules: Vec::new(), revocation: None, version: version("", &[], None) }
    }
}

fn version(text: &str, rules: &[Rule], revocation: Option<&Revocation>) -> Digest {
    let mut bytes = text.as_bytes().to_vec();
    // A zero byte cannot stand in TOML, so no text can be mistaken for a text and a key.
    let mut add = |der: &[u8]| {
        bytes.push(0);
        bytes.extend_from_slice(der);
    };
    for signers in rules.iter().flat_map(|rule| &rule.signers) {
        signers.keys.iter().for_each(|trusted| add(trusted.key.der()));
        let roots = signers.hardware.iter().flat_map(|hardware| &hardware.roots);
        signers.certificates.iter().chain(&signers.timestamps).chain(roots).for_each(|trusted| add(&trusted.der));
    }
    revocation.iter().flat_map(|revocation| &revocation.keys).for_each(|trusted| add(trusted.key.der()));
    Digest::sha256(&bytes)
}
