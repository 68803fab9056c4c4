//! Records that mean the same vulnerability of one package, as one thing to look at.
//!
//! Several databases write of one CVE (`GHSA-…`, `PYSEC-…`), and a distribution writes of a CVE and of the update that
//! mends it (`DEBIAN-CVE-…`, `DSA-…`). Counts, thresholds, policies and lists all count groups, so that the number of
//! sources that are loaded does not change how bad an image looks.
//!
//! In a language's ecosystem ids that stand in each other's `aliases` mean the same. A distribution's notice of an
//! update is about several CVEs, and its aliases are not the same as each other: where each of them stands in a record
//! of its own (`DEBIAN-CVE-…`), the notice is told with these; otherwise it is a group of itself.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use advisory::{Category, Epss, Kev, Severity};
use inventory::Package;
use inventory::package::Located;

use crate::Finding;
use crate::mending::{Mending, mending};
use crate::urgency::Urgency;

/// One vulnerability of one package at one place, with every record that tells of it.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    key: &'a str,
    records: Vec<&'a Finding>,
    also: Vec<&'a Finding>,
}

/// Where in the lists of findings the records of a group stand.
struct Members<'a> {
    key: &'a str,
    records: Vec<usize>,
    also: Vec<usize>,
}

impl<'a> Group<'a> {
    /// The id by which people know it: the CVE where there is one. Unique among the groups of one package.
    pub fn key(&self) -> &'a str {
        self.key
    }

    /// The CVE that it is, or the first of those that a notice is about; else the record's id.
    pub fn known_as(&self) -> &'a str {
        if self.cves_of_notice().is_empty() { self.key } else { self.first().matched.known_as() }
    }

    /// The record that says most of it.
    pub fn first(&self) -> &'a Finding {
        self.records[0]
    }

    /// The records that mean it and nothing else; there is at least one.
    pub fn records(&self) -> &[&'a Finding] {
        &self.records
    }

    /// Notices about it and others, which are told with each of them.
    pub fn also(&self) -> &[&'a Finding] {
        &self.also
    }

    /// The package.
    pub fn located(&self) -> &'a Located {
        &self.first().located
    }

    /// How bad: the worst that any of its records says.
    pub fn severity(&self) -> Severity {
        self.records.iter().map(|record| record.matched.severity).max().unwrap_or_default()
    }

    /// Whether any of its records calls the package malware.
    pub fn is_malware(&self) -> bool {
        self.records.iter().any(|record| record.matched.category == Category::Malware)
    }

    /// That it is exploited, where CISA says so.
    pub fn kev(&self) -> Option<&'a Kev> {
        self.records.iter().find_map(|record| record.matched.kev.as_ref())
    }

    /// How likely it is to be exploited.
    pub fn epss(&self) -> Option<&'a Epss> {
        let scored = self.records.iter().filter_map(|record| record.matched.epss.as_ref());
        scored.max_by(|one, other| one.probability.total_cmp(&other.probability))
    }

    /// The lowest version that mends it by every record that knows one; none where the fix of one is affected by another.
    pub fn fixed(&self) -> Option<&'a str> {
        let records =
            if self.records.iter().any(|record| record.matched.fixed.is_some()) { &self.records } else { &self.also };
        match mending(records) {
            Mending::By(version) => Some(version),
            // Where nobody knows their order, the first record's word has to do.
            Mending::InPart(versions) if versions.len() > 1 => {
                records.iter().find_map(|record| record.matched.fixed.as_deref())
            }
            Mending::InPart(_) | Mending::Nothing => None,
        }
    }

    /// Whether a newer version mends it.
    pub fn is_fixable(&self) -> bool {
        self.fixed().is_some()
    }

    /// The ids under which it stands in databases: the records' own, then those that only stand in their aliases. A
    /// notice counts by its own id; its aliases are others', too.
    pub fn ids(&self) -> Vec<&'a str> {
        let own = self.records.iter().chain(&self.also).map(|record| record.matched.id.as_str());
        let aliases = self.records.iter().flat_map(|record| &record.matched.aliases).map(String::as_str);
        let mut ids = Vec::new();
        for id in own.chain(aliases) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        ids
    }

    /// Whether somebody who writes this id means it, in whatever case.
    pub fn is_called(&self, id: &str) -> bool {
        self.key.eq_ignore_ascii_case(id) || self.ids().iter().any(|known| known.eq_ignore_ascii_case(id))
    }

    /// The CVEs that it is about where it is a notice about several, else none.
    pub fn cves_of_notice(&self) -> Vec<&'a str> {
        match self.records[..] {
            [only] if is_notice(only) => cves(only),
            _ => Vec::new(),
        }
    }

    /// Of a notice about several CVEs, those that none of these ids names, in whatever case: who lets one CVE go says nothing
    /// of the others. None where the notice is named by its own id, or is about one thing.
    pub fn not_named_by(&self, ids: &[&str]) -> Vec<&'a str> {
        let names = |wanted: &str| ids.iter().any(|id| id.eq_ignore_ascii_case(wanted));
        if self.records.iter().any(|record| names(&record.matched.id)) {
            return Vec::new();
        }
        self.cves_of_notice().into_iter().filter(|cve| !names(cve)).collect()
    }

    pub(crate) fn urgency(&self) -> Urgency {
        let all = self.records.iter().map(|record| Urgency::of(&record.matched, &record.located.package));
        let urgency = all.reduce(Urgency::or).unwrap_or_default();
        if self.is_fixable() { urgency.fixable() } else { urgency }
    }
}

/// The groups of findings, those to look at first before others. What is not counted (`suppressed`) makes no group,
/// but tells whether a notice's CVEs have records of their own.
pub(crate) fn groups<'a>(findings: &'a [Finding], suppressed: &'a [Finding]) -> Vec<Group<'a>> {
    let at = |places: &[usize]| places.iter().filter_map(|place| findings.get(*place)).collect();
    let mut groups: Vec<Group<'a>> = members(findings, suppressed)
        .into_iter()
        .map(|members| Group { key: members.key, records: at(&members.records), also: at(&members.also) })
        .collect();
    // Findings are in order, so records of a group are; groups whose records say different things move a little.
    groups.sort_by_cached_key(|group| Reverse(group.urgency()));
    groups
}

/// Which groups each finding is in, by their keys.
pub(crate) fn keys<'a>(findings: &'a [Finding], suppressed: &'a [Finding]) -> Vec<Vec<&'a str>> {
    let mut keys = vec![Vec::new(); findings.len()];
    for members in members(findings, suppressed) {
        for place in members.records.iter().chain(&members.also) {
            keys[*place].push(members.key);
        }
    }
    keys
}

fn members<'a>(findings: &'a [Finding], suppressed: &'a [Finding]) -> Vec<Members<'a>> {
    let mut packages: HashMap<Place<'a>, Vec<usize>> = HashMap::new();
    let mut order = Vec::new();
    for (number, finding) in findings.iter().enumerate() {
        let numbers = packages.entry(place(finding)).or_insert_with(|| {
            order.push(place(finding));
            Vec::new()
        });
        numbers.push(number);
    }
    let mut hidden: HashMap<Place<'a>, Vec<&'a Finding>> = HashMap::new();
    for finding in suppressed.iter().filter(|finding| packages.contains_key(&place(finding))) {
        hidden.entry(place(finding)).or_default().push(finding);
    }
    let mut all = Vec::new();
    for package in order {
        let numbers = packages.remove(&package).unwrap_or_default();
        let hidden = hidden.remove(&package).unwrap_or_default();
        if package.0.kind.is_of_distribution() {
            of_distribution(findings, &numbers, &hidden, &mut all);
        } else {
            all.extend(same_ids(findings, &numbers));
        }
    }
    all
}

/// A package at its place in the image.
type Place<'a> = (&'a Package, &'a str, usize);

fn place(finding: &Finding) -> Place<'_> {
    (&finding.located.package, &finding.located.path, finding.located.layer)
}

/// Records about single CVEs by their CVE; notices with them where each of their CVEs has one.
fn of_distribution<'a>(findings: &'a [Finding], numbers: &[usize], hidden: &[&'a Finding], all: &mut Vec<Members<'a>>) {
    let (notices, single): (Vec<usize>, Vec<usize>) =
        numbers.iter().copied().partition(|number| is_notice(&findings[*number]));
    let mut groups = same_ids(findings, &single);
    let elsewhere: HashSet<&str> = hidden.iter().filter(|finding| !is_notice(finding)).flat_map(|f| cves(f)).collect();
    for number in notices {
        let cves = cves(&findings[number]);
        let stands_alone = |cve: &&str| elsewhere.contains(cve) || groups.iter().any(|group| group.key == *cve);
        let mut joined = false;
        if cves.iter().all(stands_alone) {
            for group in groups.iter_mut().filter(|group| cves.contains(&group.key)) {
                group.also.push(number);
                joined = true;
            }
        }
        if !joined {
            all.push(Members { key: &findings[number].matched.id, records: vec![number], also: Vec::new() });
        }
    }
    all.append(&mut groups);
}

/// Records that share an id, at one hand or over others.
fn same_ids<'a>(findings: &'a [Finding], numbers: &[usize]) -> Vec<Members<'a>> {
    // Each id leads to the first record that has it; records that lead to one another are one group.
    let mut first_with: HashMap<&str, usize> = HashMap::new();
    let mut leads_to: Vec<usize> = (0..numbers.len()).collect();
    for (record, number) in numbers.iter().enumerate() {
        for id in ids(&findings[*number]) {
            let other = *first_with.entry(id).or_insert(record);
            let (one, other) = (end(&leads_to, record), end(&leads_to, other));
            leads_to[one.max(other)] = one.min(other);
        }
    }
    let mut groups: Vec<(usize, Members<'a>)> = Vec::new();
    let mut places: HashMap<usize, usize> = HashMap::new();
    for (record, number) in numbers.iter().enumerate() {
        let root = end(&leads_to, record);
        let place = *places.entry(root).or_insert_with(|| {
            groups.push((root, Members { key: "", records: Vec::new(), also: Vec::new() }));
            groups.len() - 1
        });
        groups[place].1.records.push(*number);
    }
    for (_, group) in &mut groups {
        let known = group.records.iter().flat_map(|number| cves(&findings[*number])).min();
        let own = group.records.iter().map(|number| findings[*number].matched.id.as_str()).min();
        group.key = known.or(own).unwrap_or_default();
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

fn end(leads_to: &[usize], mut record: usize) -> usize {
    while leads_to[record] != record {
        record = leads_to[record];
    }
    record
}

/// The ids by which a record is recognised. A distribution's record of one CVE means that one, whatever it names besides.
fn ids(finding: &Finding) -> Vec<&str> {
    let matched = &finding.matched;
    let mut ids = vec![matched.id.as_str()];
    let own = own_cve(&matched.id);
    if own.is_none() || !finding.located.package.kind.is_of_distribution() {
        ids.extend(matched.aliases.iter().map(String::as_str));
    }
    ids.extend(own);
    ids
}

/// Whether it is about several CVEs, each a matter of its own.
fn is_notice(finding: &Finding) -> bool {
    finding.located.package.kind.is_of_distribution() && cves(finding).len() > 1
}

/// The CVEs that a record names, each once.
fn cves(finding: &Finding) -> Vec<&str> {
    // What stands in the id is what it is about, whatever it names besides.
    if let Some(own) = own_cve(&finding.matched.id) {
        return vec![own];
    }
    let mut cves: Vec<&str> =
        finding.matched.aliases.iter().map(String::as_str).filter(|id| id.starts_with("CVE-")).collect();
    cves.sort_unstable();
    cves.dedup();
    cves
}

/// The CVE in a record's own id: `CVE-2026-1`, `DEBIAN-CVE-2026-1`.
fn own_cve(id: &str) -> Option<&str> {
    let begin = if id.starts_with("CVE-") { 0 } else { id.find("-CVE-")? + 1 };
    id.get(begin..)
}
