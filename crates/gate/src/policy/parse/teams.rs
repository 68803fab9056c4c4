//! `[teams]`: whose keys are whose.

use std::path::Path;

use toml::Spanned;
use toml::de::DeValue;

use super::{key_file, table};
use crate::policy::section::{Problems, Section, excerpt};
use crate::{TrustedCertificate, TrustedKey};

const EXAMPLE: &str = "payments = { keys = [\"alice.pub\", \"bob.pub\"] }";

/// A team and what its members sign with.
pub(super) struct Team {
    pub(super) name: String,
    pub(super) members: Members,
    /// Whether all of them could be read; where not, that is a problem already.
    pub(super) is_whole: bool,
}

/// Keys and certificates, each once.
#[derive(Default)]
pub(super) struct Members {
    pub(super) keys: Vec<TrustedKey>,
    pub(super) certificates: Vec<TrustedCertificate>,
}

/// All teams of a file.
pub(super) fn read(value: &Spanned<DeValue<'_>>, folder: &Path, problems: &mut Problems<'_>) -> Vec<Team> {
    let Some(teams) = table("teams", value, "[teams] with a line for each team", problems) else { return Vec::new() };
    teams
        .iter()
        .filter_map(|(name, value)| {
            let table = table("a team", value, EXAMPLE, problems)?;
            let section = Section::open("a team", &["keys", "certificates"], table, value.span(), problems);
            let mut members = Members::default();
            let is_whole = members.read(&section, folder, problems);
            if is_whole && members.is_empty() {
                let name = excerpt(name.get_ref());
                problems.add(&value.span(), format!("the team {name:?} has no keys; write {EXAMPLE}"));
            }
            Some(Team { name: name.get_ref().to_string(), members, is_whole })
        })
        .collect()
}

impl Members {
    /// Reads `keys` and `certificates` of a table; says whether all could be read.
    pub(super) fn read(&mut self, section: &Section<'_, '_>, folder: &Path, problems: &mut Problems<'_>) -> bool {
        let mut whole = true;
        if let Some(value) = section.optional("keys") {
            whole &= key_file::keys(value, folder, &mut self.keys, problems);
        }
        if let Some(value) = section.optional("certificates") {
            whole &= key_file::certificates("certificates", value, folder, &mut self.certificates, problems);
        }
        whole
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.certificates.is_empty()
    }

    /// Adds those of others that are not there yet.
    pub(super) fn join(&mut self, others: &Self) {
        for other in &others.keys {
            if self.keys.iter().all(|own| own.key != other.key) {
                self.keys.push(other.clone());
            }
        }
        for other in &others.certificates {
            if self.certificates.iter().all(|own| own.der != other.der) {
                self.certificates.push(other.clone());
            }
        }
    }

    /// How many different signers there can be, where that is known: an authority can certify any number.
    pub(super) fn most(&self) -> Option<usize> {
        self.certificates.is_empty().then_some(self.keys.len())
    }
}
