//! The findings of one image.

use std::cmp::Ordering;
use std::collections::BTreeMap;

pub use advisory::IndexIdentity;
use advisory::{Index, IndexError, Match, Severity, Verdict};
use image::Digest;
use inventory::{Inventory, package::Located};
use serde::{Deserialize, Serialize};

use crate::{Counts, Subject};

/// Everything that a scan says of an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What the user called the image.
    pub name: String,
    /// What kind of thing it is.
    #[serde(default)]
    pub subject: Subject,
    /// The digest of its platform manifest (or config, for a docker archive without one); of what is no image as
    /// [`Subject`] says.
    pub digest: Digest,
    /// `linux/amd64`; empty where it is not known.
    pub platform: String,
    /// When the scan ran, RFC 3339 in UTC.
    pub scanned_at: String,
    /// The advisory index that was asked: its id, and how old its data is.
    pub index: IndexIdentity,
    /// What is in the image.
    pub inventory: Inventory,
    /// History line of each layer, base first.
    pub history: Vec<Option<String>>,
    /// Findings, those to look at first before others.
    pub findings: Vec<Finding>,
    /// What applies by OSV's plain rules and is not counted; each has its reason in `matched.suppressed`.
    #[serde(default)]
    pub suppressed: Vec<Finding>,
    /// Packages that no loaded source covers, by ecosystem, with their number.
    pub uncovered: Vec<(String, usize)>,
    /// Whether layers were read in this scan, or only records of earlier ones.
    pub layers_read: usize,
    /// The version of the cataloguers that made the inventory ([`inventory::cataloguers::VERSION`]).
    #[serde(default)]
    pub cataloguers: u32,
}

/// One record that applies to one package of the image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The record.
    #[serde(flatten)]
    pub matched: Match,
    /// The package.
    pub located: Located,
}

/// What a report says of the image and of the scan, beside what was found.
#[derive(Clone, Debug)]
pub struct About {
    /// What the user called the image.
    pub name: String,
    /// What kind of thing it is.
    pub subject: Subject,
    /// The digest of its platform manifest (or config); of what is no image as [`Subject`] says.
    pub digest: Digest,
    /// `linux/amd64`; empty where it is not known.
    pub platform: String,
    /// When the scan ran, RFC 3339 in UTC.
    pub scanned_at: String,
    /// History line of each layer, base first.
    pub history: Vec<Option<String>>,
    /// How many layers were read in this scan.
    pub layers_read: usize,
}

impl Report {
    /// Asks the index for every package. Without an index nothing is known of any; a damaged one is an error.
    pub fn new(about: About, inventory: Inventory, index: Option<&Index>) -> Result<Self, IndexError> {
        let release = inventory.release.as_ref();
        let ask = |located: &Located| match index {
            Some(index) => index.verdict_in(located, &inventory),
            None => Ok(Verdict::Unknown { ecosystem: advisory::ecosystem::home(&located.package, release).ecosystem }),
        };
        let verdicts = inventory.packages.iter().map(ask).collect::<Result<_, _>>()?;
        Ok(Self::of_verdicts(about, inventory, index.map(Index::identity).unwrap_or_default(), verdicts))
    }

    /// A report of verdicts that were reached already, one for each package of the inventory in its order.
    pub fn of_verdicts(about: About, inventory: Inventory, index: IndexIdentity, verdicts: Vec<Verdict>) -> Self {
        let (mut findings, mut suppressed) = (Vec::new(), Vec::new());
        let mut uncovered: BTreeMap<String, usize> = BTreeMap::new();
        for (located, verdict) in inventory.packages.iter().zip(verdicts) {
            match verdict {
                Verdict::Covered(matches) => {
                    let all = matches.into_iter().map(|matched| Finding { matched, located: located.clone() });
                    let (hidden, shown): (Vec<_>, Vec<_>) =
                        all.partition(|finding| finding.matched.suppressed.is_some());
                    findings.extend(shown);
                    suppressed.extend(hidden);
                }
                Verdict::Unknown { ecosystem } => *uncovered.entry(ecosystem).or_default() += 1,
            }
        }
        findings.sort_by(worst_first);
        suppressed.sort_by(worst_first);
        let About { name, subject, digest, platform, scanned_at, history, layers_read } = about;
        let uncovered = uncovered.into_iter().collect();
        Self {
            name,
            subject,
            digest,
            platform,
            scanned_at,
            index,
            inventory,
            history,
            findings,
            suppressed,
            uncovered,
            layers_read,
            cataloguers: inventory::cataloguers::VERSION,
        }
    }

    /// How many findings of each severity.
    pub fn counts(&self) -> Counts {
        self.findings.iter().map(|finding| finding.matched.severity).collect()
    }

    /// The worst severity found.
    pub fn worst(&self) -> Option<Severity> {
        self.counts().worst()
    }

    /// How many findings have a fix.
    pub fn fixable(&self) -> usize {
        self.findings.iter().filter(|finding| finding.is_fixable()).count()
    }

    /// How many packages no loaded source covers.
    pub fn uncovered_packages(&self) -> usize {
        self.uncovered.iter().map(|(_, number)| number).sum()
    }

    /// The findings of a severity and worse.
    pub fn at_least(&self, severity: Severity) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.matched.severity >= severity)
    }

    /// The findings that a newer version mends.
    pub fn only_fixable(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.is_fixable())
    }

    /// The findings in packages that one layer brought.
    pub fn of_layer(&self, layer: usize) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.located.layer == layer)
    }
}

impl Finding {
    /// Whether a newer version mends it.
    pub fn is_fixable(&self) -> bool {
        self.matched.fixed.is_some()
    }
}

/// What to look at first: by severity, then score, then whether something can be done; the rest so that the same
/// image always gives the same report.
fn worst_first(left: &Finding, right: &Finding) -> Ordering {
    let score = |finding: &Finding| finding.matched.score.unwrap_or(-1.0);
    let severity = right.matched.severity.cmp(&left.matched.severity);
    severity
        .then_with(|| score(right).total_cmp(&score(left)))
        .then_with(|| right.is_fixable().cmp(&left.is_fixable()))
        .then_with(|| left.located.package.name.cmp(&right.located.package.name))
        .then_with(|| left.matched.id.cmp(&right.matched.id))
        .then_with(|| left.located.package.version.cmp(&right.located.package.version))
        .then_with(|| left.located.path.cmp(&right.located.path))
}
