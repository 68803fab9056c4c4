//! Which records apply to a package.

use std::cmp::Ordering;

use inventory::package::Located;
use inventory::{Inventory, Package, Release};
use serde::{Deserialize, Serialize};

use crate::ecosystem::{self, Home};
use crate::enrichment::{Epss, Kev};
use crate::evaluate::{self, Event};
use crate::index::{AffectedRow, Damage, Index, IndexError, Segment};
use crate::qualifier::Suppression;
use crate::severity::Severity;
use crate::versions::Scheme;

/// A record that applies to a package.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Match {
    /// The record's own id (`DSA-5678-1`, `PYSEC-2021-19`).
    pub id: String,
    /// Other ids of the same thing, CVEs first: its aliases, what a distribution's record is made from (`upstream`),
    /// and for AlmaLinux and Rocky Linux, which put their CVEs there, its related ones.
    pub aliases: Vec<String>,
    /// One line.
    pub summary: String,
    /// How bad, and who said so.
    pub severity: Severity,
    /// CVSS base score, where a vector gave one.
    pub score: Option<f32>,
    /// The CVSS vector or the vendor's word behind `severity`.
    pub severity_source: Option<String>,
    /// The lowest fixed version above the installed one, where there is one.
    pub fixed: Option<String>,
    /// OSV's ecosystem that matched (`Debian:12`).
    pub ecosystem: String,
    /// The name that matched (source or binary, as the ecosystem wants).
    pub package: String,
    /// Where to read more.
    pub url: String,
    /// Advisory text and references are read from the index by id when they are shown.
    pub modified: Option<String>,
    /// A weakness or malware.
    #[serde(default)]
    pub category: Category,
    /// What of the record holds the version.
    #[serde(default)]
    pub affected: Affected,
    /// That it is exploited, where CISA says so of any of its ids.
    #[serde(default)]
    pub kev: Option<Kev>,
    /// How likely it is to be exploited, by the likeliest of its ids.
    #[serde(default)]
    pub epss: Option<Epss>,
    /// Why it is not counted, where it is not.
    #[serde(default)]
    pub suppressed: Option<Suppression>,
}

/// What a record is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// A weakness in a package that is meant well.
    #[default]
    Vulnerability,
    /// The package is malware (`MAL-…`).
    Malware,
}

/// What of a record holds a version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Affected {
    /// Its list of versions.
    #[default]
    Listed,
    /// A range: from `introduced` (`0` is before all) to before `fixed`, or to `last_affected` itself, or without end.
    Range {
        /// Where the part of the range begins that holds the version.
        introduced: String,
        /// Where it ends, exclusive.
        fixed: Option<String>,
        /// Where it ends, inclusive.
        last_affected: Option<String>,
    },
}

/// What the index says of one package.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Verdict {
    /// A loaded source covers its ecosystem and release; these apply.
    Covered(Vec<Match>),
    /// No loaded source covers it; the ecosystem (`Debian:12`) that would.
    Unknown {
        /// OSV's name of the ecosystem and release that is missing.
        ecosystem: String,
    },
}

impl Match {
    /// The id by which people know it: the first CVE among its aliases, else its own.
    pub fn known_as(&self) -> &str {
        let aliases = self.aliases.iter().map(String::as_str);
        std::iter::once(self.id.as_str()).chain(aliases).find(|id| id.starts_with("CVE-")).unwrap_or(&self.id)
    }
}

/// Most fixed versions that are tried for being the lowest one that helps; real records have a few dozen.
const MOST_TRIED_FIXES: usize = 256;

impl Index {
    /// What is known of a package, ordered by id. A damaged index is an error and never "nothing".
    pub fn verdict(&self, package: &Package, release: Option<&Release>) -> Result<Verdict, IndexError> {
        let home = ecosystem::home(package, release);
        let known = ecosystem::known_as(&home, package);
        let names: Vec<&str> = known.names.iter().map(AsRef::as_ref).collect();
        self.judge(home, &names, known.version)
    }

    /// What is known of a package of an image: as [`Index::verdict`] says, and then judged by what the image tells
    /// beyond name and version. What that suppresses stays in the answer, with the reason.
    pub fn verdict_in(&self, located: &Located, inventory: &Inventory) -> Result<Verdict, IndexError> {
        self.verdict(&located.package, inventory.release.as_ref())
    }

    /// What is known of a version of a package by its name in an OSV ecosystem (`PyPI`, `Debian:12`).
    pub fn verdict_by_name(&self, ecosystem: &str, name: &str, version: &str) -> Result<Verdict, IndexError> {
        let home = Home { ecosystem: ecosystem.into(), in_osv: true };
        self.judge(home, &[&ecosystem::normalise(ecosystem, name)], version)
    }

    fn judge(&self, home: Home, names: &[&str], version: &str) -> Result<Verdict, IndexError> {
        let mut covered = false;
        let mut found = Vec::new();
        for (info, segment) in self.readers() {
            let question = Question { segment, version, names };
            match question.ask(&home.ecosystem, &mut found) {
                Ok(answered) => covered |= answered,
                Err(damage) => return Err(self.damaged(info, &damage)),
            }
        }
        if !covered {
            return Ok(Verdict::Unknown { ecosystem: home.ecosystem });
        }
        // Two imports may hold one record: the newer one counts.
        found.sort_by(|left: &Match, right| left.id.cmp(&right.id).then_with(|| right.modified.cmp(&left.modified)));
        found.dedup_by(|later, kept| later.id == kept.id);
        Ok(Verdict::Covered(found))
    }
}

type Read<T> = Result<T, Damage>;

/// One version of one package, asked of one segment.
struct Question<'a> {
    segment: Segment<'a>,
    version: &'a str,
    names: &'a [&'a str],
}

/// What one record says of the package: the rows of one record.
struct Claim<'a> {
    scheme: Option<Scheme>,
    ranges: Vec<ClaimedRange<'a>>,
    versions: Vec<&'a str>,
}

struct ClaimedRange<'a> {
    scheme: Option<Scheme>,
    events: Vec<Event<'a>>,
}

impl<'a> Question<'a> {
    /// Appends what applies; `false` where the segment does not cover the ecosystem. Records for all releases
    /// (`Debian`) count too, unless the same record says something of the very release.
    fn ask(&self, ecosystem: &str, found: &mut Vec<Match>) -> Read<bool> {
        let mut covered = false;
        let mut answered: Vec<u32> = Vec::new();
        let base = ecosystem::base(ecosystem);
        let places = [Some(ecosystem), (base != ecosystem).then_some(base)];
        for place in places.into_iter().flatten() {
            let Some(row) = self.segment.ecosystem(place)? else { continue };
            covered = true;
            let before = answered.len();
            let mut here = Vec::new();
            for name in self.names {
                let Some(package) = self.segment.package(row, name)? else { continue };
                for rows in self.segment.affected(package)?.chunk_by(|left, right| left.record == right.record) {
                    let record = rows[0].record.get();
                    if answered[..before].contains(&record) {
                        continue;
                    }
                    here.push(record);
                    let claim = self.claim(place, rows)?;
                    if claim.holds(self.version) {
                        found.push(self.describe(&rows[0], place, name, &claim)?);
                    }
                }
            }
            answered.extend(here);
        }
        Ok(covered)
    }

    fn claim(&self, ecosystem: &str, rows: &'a [AffectedRow]) -> Read<Claim<'a>> {
        let scheme = Scheme::of_ecosystem(ecosystem);
        let mut claim = Claim { scheme, ranges: Vec::new(), versions: Vec::new() };
        for row in rows {
            for range in self.segment.ranges(row)? {
                let mut events = Vec::new();
                self.segment.events(range, &mut events)?;
                let scheme = if range.is_semver.get() == 1 { Some(Scheme::Semver) } else { scheme };
                claim.ranges.push(ClaimedRange { scheme, events });
            }
            for version in self.segment.list(row.versions)? {
                claim.versions.push(self.segment.text(*version)?);
            }
        }
        Ok(claim)
    }

    fn describe(&self, row: &AffectedRow, ecosystem: &str, name: &str, claim: &Claim<'_>) -> Read<Match> {
        let segment = self.segment;
        let record = segment.record(row.record.get())?;
        let rating = segment.rating(&row.rating)?;
        let mut aliases = segment.owned_list(record.aliases)?;
        aliases.extend(segment.owned_list(record.upstream)?);
        if matches!(ecosystem::base(ecosystem), "AlmaLinux" | "Rocky Linux") {
            aliases.extend(segment.owned_list(record.related)?);
        }
        aliases.sort_by(|left, right| {
            right.starts_with("CVE-").cmp(&left.starts_with("CVE-")).then_with(|| left.cmp(right))
        });
        aliases.dedup();
        Ok(Match {
            id: segment.owned_text(record.id)?,
            aliases,
            summary: segment.owned_text(record.summary)?,
            severity: rating.severity,
            score: rating.score,
            severity_source: rating.source,
            fixed: claim.lowest_fix(self.version),
            ecosystem: ecosystem.into(),
            package: name.into(),
            url: segment.owned_text(record.url)?,
            modified: segment.optional_text(record.modified)?,
            ..Match::default()
        })
    }
}

impl Claim<'_> {
    /// OSV's `IncludedInVersions || IncludedInRanges`.
    fn holds(&self, version: &str) -> bool {
        let same = |listed: &&str| self.scheme.map_or(**listed == *version, |scheme| scheme.same(listed, version));
        self.versions.contains(&version)
            || self.ranges.iter().any(|range| evaluate::includes(range.scheme, version, &range.events))
            || self.versions.iter().any(same)
    }

    /// The lowest version above the installed one that some range calls fixed and that the record does not affect.
    fn lowest_fix(&self, installed: &str) -> Option<String> {
        let mut fixes: Vec<(Scheme, &str)> = Vec::new();
        for range in &self.ranges {
            let Some(scheme) = range.scheme else { continue };
            for event in &range.events {
                if let Event::Fixed(version) = event
                    && scheme.compare(version, installed) == Some(Ordering::Greater)
                {
                    fixes.push((scheme, version));
                }
            }
        }
        // One lowest after the other, and not sorted: a sort may panic where an ecosystem's own comparison is no order
        // (pacman's `1-1`, `1`, `1-2`), and mostly the first one helps.
        for _ in 0..MOST_TRIED_FIXES {
            let lower =
                |left: &(Scheme, &str), right: &(Scheme, &str)| left.0.compare(left.1, right.1) == Some(Ordering::Less);
            let lowest = fixes.iter().copied().reduce(|low, next| if lower(&next, &low) { next } else { low })?;
            if !self.holds(lowest.1) {
                return Some(lowest.1.to_owned());
            }
            fixes.retain(|fix| *fix != lowest);
        }
        None
    }
}
