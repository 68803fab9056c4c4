//! The same rules for programs that judge images elsewhere.
//!
//! Each format can say a part of a policy. What it cannot say is listed ([`Unsaid`]), rule by rule, so that nobody
//! believes to be held to it there. Where a format has no order of rules, a rule that an earlier one covers is left
//! out, as it never holds here either.

mod cluster_image_policy;
mod containers;
mod kyverno;
mod notation;
mod pem;
mod yaml;

use std::fmt;
use std::str::FromStr;

use crate::{Bind, Mode, Policy, Rule, Signers};

/// A program's format of policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// `policy.json` of containers/image: podman, skopeo, CRI-O (containers-policy.json(5)).
    Containers,
    /// notation's trust policy (Notary Project, trust store and trust policy 1.0).
    Notation,
    /// Sigstore's ClusterImagePolicy for Kubernetes (policy.sigstore.dev/v1beta1).
    ClusterImagePolicy,
    /// Kyverno's ImageValidatingPolicy for Kubernetes (policies.kyverno.io/v1).
    Kyverno,
}

/// A policy in another format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The file's content.
    pub text: String,
    /// What the format cannot say, in the order of the rules.
    pub unsaid: Vec<Unsaid>,
}

/// Something that the policy says and the export does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsaid {
    /// The line of the rule in the policy; `None` where it is about all of them.
    pub line: Option<usize>,
    /// What, and what holds there instead.
    pub what: String,
}

impl ExportFormat {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Containers, Self::Notation, Self::ClusterImagePolicy, Self::Kyverno];

    /// The word on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Containers => "containers",
            Self::Notation => "notation",
            Self::ClusterImagePolicy => "cluster-image-policy",
            Self::Kyverno => "kyverno",
        }
    }
}

impl fmt::Display for ExportFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for ExportFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|format| format.as_str() == text);
        found.ok_or_else(|| "there are containers, notation, cluster-image-policy and kyverno".to_owned())
    }
}

impl fmt::Display for Unsaid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(formatter, "rule on line {line}: {}", self.what),
            None => formatter.write_str(&self.what),
        }
    }
}

impl Policy {
    /// Writes the policy in another program's format.
    pub fn export(&self, format: ExportFormat) -> Exported {
        match format {
            ExportFormat::Containers => containers::export(self),
            ExportFormat::Notation => notation::export(self),
            ExportFormat::ClusterImagePolicy => cluster_image_policy::export(self),
            ExportFormat::Kyverno => kyverno::export(self),
        }
    }
}

/// What is collected while a policy is written.
#[derive(Default)]
struct Gaps(Vec<Unsaid>);

impl Gaps {
    fn add(&mut self, rule: &Rule, what: impl Into<String>) {
        let unsaid = Unsaid { line: Some(rule.line), what: what.into() };
        if !self.0.contains(&unsaid) {
            self.0.push(unsaid);
        }
    }

    fn of_all(&mut self, what: impl Into<String>) {
        self.0.push(Unsaid { line: None, what: what.into() });
    }

    /// What no other format says at all.
    fn beyond_signatures(&mut self, rule: &Rule) {
        if rule.mode == Mode::Off {
            return;
        }
        if rule.findings.is_some() {
            self.add(rule, "what may be found in the image is not asked there");
        }
        if rule.hold {
            self.add(rule, "`hold` is the registry's own and needs no other program");
        }
    }

    /// What is demanded of a signature beyond who made it and over which digest.
    fn beyond_keys(&mut self, rule: &Rule, signers: &Signers) {
        if signers.hardware.is_some() {
            self.add(rule, "that the key was made inside a device is not asked there: any signature by it counts");
        }
        if signers.not_older_than.is_some() {
            self.add(rule, "`not-older-than` is not asked there: old signatures count");
        }
        if signers.bind == Bind::Tag {
            self.add(rule, "`bind = \"tag\"` is not asked there: a signature counts under any tag");
        }
    }

    /// What is said of names where nothing holds for all of them.
    fn of_names(&mut self, policy: &Policy) {
        let is_open = |rule: &Rule| rule.mode == Mode::Enforce && !rule.signers.is_empty();
        if policy.rules().iter().any(is_open) && policy.rules().iter().all(|rule| rule.images.as_str() != "**") {
            self.of_all(
                "names are compared there as they are written: the same registry in capitals is another one, of which nothing \
                 is demanded; add a last rule for \"**\"",
            );
        }
    }

    /// What is said of revocation and of the order of rules.
    fn of_policy(&mut self, policy: &Policy) {
        if policy.revocation().is_some() {
            self.of_all(
                "revocation is not asked there; `plimsoll revoke` removes the signatures themselves, which holds \
                 everywhere that has not kept them",
            );
        }
    }
}

/// A pattern in the spellings that reach the same registry, which are one here: with the port that it has anyway.
fn spellings(pattern: &str) -> Vec<String> {
    let with_port = match pattern.split_once('/') {
        Some((registry, path)) if registry != "**" && registry != "docker.io" && !has_port(registry) => {
            Some(format!("{registry}:443/{path}"))
        }
        _ => None,
    };
    std::iter::once(pattern.to_owned()).chain(with_port).collect()
}

/// Whether a registry is written with a port; an address of IPv6 has colons of its own.
fn has_port(registry: &str) -> bool {
    registry.rsplit(']').next().is_some_and(|rest| rest.contains(':'))
}

/// The rules that can ever hold: those that no earlier rule covers wholly.
fn living(policy: &Policy) -> impl Iterator<Item = &Rule> {
    policy.rules().iter().enumerate().filter_map(|(at, rule)| {
        let earlier = &policy.rules()[..at];
        earlier.iter().all(|earlier| !earlier.images.covers(&rule.images)).then_some(rule)
    })
}

/// The earlier rules whose patterns meet a rule's.
fn before<'a>(policy: &'a Policy, rule: &'a Rule) -> impl Iterator<Item = &'a Rule> {
    policy.rules().iter().take_while(|earlier| earlier.line != rule.line)
}

/// Most lists that one demand becomes.
const MOST: usize = 200;

/// Every choice of `size` out of `count`, while there are not too many. `k` of `n` have signed where of each `n-k+1` one
/// has.
fn combinations(count: usize, size: usize) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..size {
        let mut longer = Vec::new();
        for chosen in &all {
            let from = chosen.last().map_or(0, |last| last + 1);
            for next in from..count {
                let mut chosen = chosen.clone();
                chosen.push(next);
                longer.push(chosen);
                if longer.len() > 1 << 16 {
                    return Vec::new();
                }
            }
        }
        all = longer;
    }
    if all.len() > MOST { Vec::new() } else { all }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_of_three_is_each_pair_having_one() {
        assert_eq!(combinations(3, 2), [[0, 1], [0, 2], [1, 2]]);
        assert_eq!(combinations(2, 2), [[0, 1]]);
        assert_eq!(combinations(40, 20), Vec::<Vec<usize>>::new());
    }
}
