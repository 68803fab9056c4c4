//! The findings of one image.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

pub use advisory::IndexIdentity;
use advisory::{Index, IndexError, Match, Severity, Suppression, Verdict};
use image::Digest;
use inventory::{Inventory, package::Located};

use crate::group::{self, Group};
use crate::standing::{self, PackageVerdict, Standing};
use crate::urgency::Urgency;
use crate::{Actions, Counts, Subject};

/// Everything that a scan says of an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// What the user called the image.
    pub name: String,
    /// What kind of thing it is.
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
    /// One for each record that applies to one package, those to look at first before others. What is counted are
    /// [groups](Report::groups) of them.
    pub findings: Vec<Finding>,
    /// What applies by OSV's plain rules and is not counted; each has its reason in `matched.suppressed`.
    pub suppressed: Vec<Finding>,
    /// Packages that no loaded source covers, by ecosystem, with their number.
    pub uncovered: Vec<(String, usize)>,
    /// How each package of the inventory was judged, in its order.
    pub standings: Vec<Standing>,
    /// What is to be said of how findings were chosen: an ignore file's entries that ended, an image compared with.
    pub notes: Vec<String>,
    /// Whether layers were read in this scan, or only records of earlier ones.
    pub layers_read: usize,
    /// The version of the cataloguers that made the inventory ([`inventory::cataloguers::VERSION`]).
    pub cataloguers: u32,
}

/// One record that applies to one package of the image.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The record.
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
        let standings = standing::standings(&inventory, &verdicts);
        let (mut findings, mut suppressed) = (Vec::new(), Vec::new());
        let mut uncovered: BTreeMap<String, usize> = BTreeMap::new();
        for ((located, standing), verdict) in inventory.packages.iter().zip(&standings).zip(verdicts) {
            let matches = match verdict {
                Verdict::Covered(matches) => matches,
                Verdict::Unknown { ecosystem } if *standing == Standing::Unknown => {
                    *uncovered.entry(ecosystem).or_default() += 1;
                    continue;
                }
                Verdict::Unknown { .. } => continue,
            };
            let owner = located.owner.as_ref().filter(|_| *standing == Standing::ByOwner);
            for mut matched in matches {
                if let Some(owner) = owner {
                    matched.suppressed.get_or_insert_with(|| standing::owned(located, owner, &inventory));
                }
                let list = if matched.suppressed.is_none() { &mut findings } else { &mut suppressed };
                list.push(Finding { matched, located: located.clone() });
            }
        }
        findings.sort_by(to_look_at_first);
        suppressed.sort_by(to_look_at_first);
        let About { name, subject, digest, platform, scanned_at, history, layers_read } = about;
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
            uncovered: uncovered.into_iter().collect(),
            standings,
            notes: Vec::new(),
            layers_read,
            cataloguers: inventory::cataloguers::VERSION,
        }
    }

    /// What is counted: one for each vulnerability of a package at a place, however many records tell of it. Those to
    /// look at first come before others.
    pub fn groups(&self) -> Vec<Group<'_>> {
        group::groups(&self.findings, &self.suppressed)
    }

    /// The keys of the groups that each finding belongs to, in the order of `findings`.
    pub fn group_keys(&self) -> Vec<Vec<&str>> {
        group::keys(&self.findings, &self.suppressed)
    }

    /// How many there are of each severity.
    pub fn counts(&self) -> Counts {
        self.groups().iter().map(Group::severity).collect()
    }

    /// The worst severity found.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.matched.severity).max()
    }

    /// How many have a fix.
    pub fn fixable(&self) -> usize {
        self.groups().iter().filter(|group| group.is_fixable()).count()
    }

    /// How many packages no loaded source covers.
    pub fn uncovered_packages(&self) -> usize {
        self.uncovered.iter().map(|(_, number)| number).sum()
    }

    /// Those of a severity and worse.
    pub fn at_least(&self, severity: Severity) -> Vec<Group<'_>> {
        self.groups().into_iter().filter(|group| group.severity() >= severity).collect()
    }

    /// What can be done about them.
    pub fn actions(&self) -> Actions {
        Actions::of(self)
    }

    /// How the package at a place of the inventory was judged.
    pub fn standing(&self, package: usize) -> Standing {
        self.standings.get(package).copied().unwrap_or_default()
    }

    /// What is known of each package, in the inventory's order.
    pub fn package_verdicts(&self) -> Vec<PackageVerdict> {
        standing::verdicts(self)
    }

    /// What applies and is not counted, as [`groups`](Report::groups).
    pub fn suppressed_groups(&self) -> Vec<Group<'_>> {
        group::groups(&self.suppressed, &self.findings)
    }

    /// Counts no longer what `why` gives a reason for. A notice about several goes when nothing that it is told with
    /// stays.
    pub fn suppress(&mut self, mut why: impl FnMut(&Group<'_>) -> Option<Suppression>) {
        let mut reasons: Vec<Option<Suppression>> = vec![None; self.findings.len()];
        let mut stays = vec![false; self.findings.len()];
        let numbered = self.findings.iter().enumerate();
        let numbers: HashMap<*const Finding, usize> =
            numbered.map(|(number, finding)| (std::ptr::from_ref(finding), number)).collect();
        for group in self.groups() {
            let reason = why(&group);
            for finding in group.records().iter().chain(group.also()) {
                let Some(number) = numbers.get(&std::ptr::from_ref(*finding)) else { continue };
                match &reason {
                    Some(reason) => reasons[*number] = Some(reason.clone()),
                    None => stays[*number] = true,
                }
            }
        }
        let findings = std::mem::take(&mut self.findings);
        for ((mut finding, reason), stays) in findings.into_iter().zip(reasons).zip(stays) {
            match reason.filter(|_| !stays) {
                None => self.findings.push(finding),
                Some(reason) => {
                    finding.matched.suppressed = Some(reason);
                    self.suppressed.push(finding);
                }
            }
        }
        self.suppressed.sort_by(to_look_at_first);
    }
}

/// What to look at first; the rest so that the same image always gives the same report.
fn to_look_at_first(left: &Finding, right: &Finding) -> Ordering {
    let urgency = |finding: &Finding| Urgency::of(&finding.matched, &finding.located.package);
    urgency(left)
        .first(urgency(right))
        .then_with(|| left.located.package.name.cmp(&right.located.package.name))
        .then_with(|| left.matched.id.cmp(&right.matched.id))
        .then_with(|| left.located.package.version.cmp(&right.located.package.version))
        .then_with(|| left.located.path.cmp(&right.located.path))
}
