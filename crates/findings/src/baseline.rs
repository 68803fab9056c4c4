//! What another image has too: a report that is compared with shows only what is new.
//!
//! The same vulnerability of the same package is known, whatever the package's version, place and layer: the name is
//! that under which the advisory knows it, so that a source package's binaries may change.

use std::collections::{HashMap, HashSet};

use advisory::ecosystem::base;
use advisory::{Rule, Suppression};
use serde::Deserialize;
use thiserror::Error;

use crate::escape::plain;
use crate::{Finding, Group, Report};

/// What an image that is compared with has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// What the image is called.
    name: String,
    /// By package: every id that some record of it has.
    ids: HashMap<Package, HashSet<String>>,
    /// What is counted in it.
    counted: HashSet<(Package, String)>,
}

/// Ecosystem without release, and the name in it.
type Package = (String, String);

/// Why a file is no report.
#[derive(Debug, Error)]
pub enum BaselineError {
    /// It is no JSON of the shape.
    #[error("it is no report of `plimsoll scan --format json`: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It is of a later major version.
    #[error("it is a report of version {0}, and 1.x is read here")]
    Version(String),
}

/// What is read of a report in JSON; version 1.0 had no groups and nothing suppressed.
#[derive(Deserialize)]
struct Document {
    schema_version: String,
    image: DocumentImage,
    findings: Vec<DocumentFinding>,
    #[serde(default)]
    suppressed: Vec<DocumentFinding>,
}

#[derive(Deserialize)]
struct DocumentImage {
    name: String,
}

#[derive(Deserialize)]
struct DocumentFinding {
    id: String,
    known_as: String,
    aliases: Vec<String>,
    #[serde(default)]
    groups: Vec<String>,
    matched: DocumentMatched,
}

#[derive(Deserialize)]
struct DocumentMatched {
    ecosystem: String,
    name: String,
}

impl Baseline {
    /// Largest report that is read from a file.
    pub const MOST_BYTES: u64 = 1 << 30;

    /// What a report says.
    pub fn of(report: &Report) -> Self {
        let mut baseline = Self::named(&report.name);
        for (finding, keys) in report.findings.iter().zip(report.group_keys()) {
            baseline.know(package(finding), &finding.matched.id, &finding.matched.aliases);
            baseline.counted.extend(keys.into_iter().map(|key| (package(finding), key.to_owned())));
        }
        for finding in &report.suppressed {
            baseline.know(package(finding), &finding.matched.id, &finding.matched.aliases);
        }
        baseline
    }

    /// What a report in JSON says.
    pub fn parse(json: &[u8]) -> Result<Self, BaselineError> {
        let document: Document = serde_json::from_slice(json)?;
        if !document.schema_version.starts_with("1.") {
            return Err(BaselineError::Version(plain(&document.schema_version)));
        }
        let mut baseline = Self::named(&document.image.name);
        let counted = document.findings.len();
        for (number, finding) in document.findings.into_iter().chain(document.suppressed).enumerate() {
            let package = (base(&finding.matched.ecosystem).to_owned(), finding.matched.name);
            baseline.know(package.clone(), &finding.id, &finding.aliases);
            if number < counted {
                let keys = if finding.groups.is_empty() { vec![finding.known_as] } else { finding.groups };
                baseline.counted.extend(keys.into_iter().map(|key| (package.clone(), key)));
            }
        }
        Ok(baseline)
    }

    /// Lets go what the image has too, and notes how much of its findings went away.
    pub fn apply(&self, report: &mut Report) {
        let mut present: HashSet<(Package, &str)> = HashSet::new();
        for finding in report.findings.iter().chain(&report.suppressed) {
            let ids = std::iter::once(&finding.matched.id).chain(&finding.matched.aliases);
            present.extend(ids.map(|id| (package(finding), id.as_str())));
        }
        let went = self.counted.iter().filter(|(package, key)| !present.contains(&(package.clone(), key.as_str())));
        let went = went.count();
        let (mut known, mut new) = (HashSet::new(), HashSet::new());
        report.suppress(|group| {
            let has = self.has(group);
            let list = if has { &mut known } else { &mut new };
            list.insert((package(group.first()), group.key().to_owned()));
            has.then(|| Suppression { rule: Rule::Baseline, reason: format!("{} has it too", self.name) })
        });
        report.notes.push(format!(
            "compared with {}: {} new, {} that it has too, {went} of its {} went away (each counted once a source package)",
            self.name,
            new.len(),
            known.len(),
            self.counted.len()
        ));
    }

    fn named(name: &str) -> Self {
        Self { name: plain(name), ids: HashMap::new(), counted: HashSet::new() }
    }

    fn know(&mut self, package: Package, id: &str, aliases: &[String]) {
        let ids = self.ids.entry(package).or_default();
        ids.insert(id.to_owned());
        ids.extend(aliases.iter().cloned());
    }

    fn has(&self, group: &Group<'_>) -> bool {
        let Some(ids) = self.ids.get(&package(group.first())) else { return false };
        let notice = group.cves_of_notice();
        if notice.is_empty() {
            let of_record = |record: &&Finding| {
                ids.contains(&record.matched.id) || record.matched.aliases.iter().any(|alias| ids.contains(alias))
            };
            ids.contains(group.key()) || group.records().iter().any(of_record)
        } else {
            ids.contains(&group.first().matched.id) || notice.iter().all(|cve| ids.contains(*cve))
        }
    }
}

fn package(finding: &Finding) -> Package {
    (base(&finding.matched.ecosystem).to_owned(), finding.matched.package.clone())
}
