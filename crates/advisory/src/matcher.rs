//! Which records apply to a package.

use std::borrow::Cow;

use inventory::package::Located;
use inventory::{Inventory, Package, Release};
use serde::{Deserialize, Serialize};

use crate::claim::{Claim, Held, Reading};
use crate::ecosystem;
use crate::enrichment::{Epss, Kev};
use crate::index::{AffectedRow, Damage, Index, IndexError, RecordRow, Segment};
use crate::places::{Place, Places};
use crate::qualifier::{self, Case, Image, Suppression, ubuntu_pro};
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
    /// A fix that is only in another stream of the distribution, where the one that matched has none.
    #[serde(default)]
    pub fixed_elsewhere: Option<FixElsewhere>,
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
    /// Where above the installed version it holds again ([`Affected::Range`]).
    #[serde(default)]
    pub again: Vec<Affected>,
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

/// A fix that only another stream of the distribution has (Ubuntu Pro).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FixElsewhere {
    /// OSV's name of that stream (`Ubuntu:Pro:22.04:LTS`).
    pub ecosystem: String,
    /// The lowest fixed version there.
    pub version: String,
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

impl Index {
    /// What is known of a package, ordered by id. A damaged index is an error and never "nothing".
    pub fn verdict(&self, package: &Package, release: Option<&Release>) -> Result<Verdict, IndexError> {
        let home = ecosystem::home(package, release);
        let known = ecosystem::known_as(&home, package);
        self.judge(&home.ecosystem, &known.names, known.version, None)
    }

    /// What is known of a package of an image: as [`Index::verdict`] says, and then judged by what the image tells
    /// beyond name and version. What that suppresses stays in the answer, with the reason.
    pub fn verdict_in(&self, located: &Located, inventory: &Inventory) -> Result<Verdict, IndexError> {
        let home = ecosystem::home(&located.package, inventory.release.as_ref());
        let known = ecosystem::known_as(&home, &located.package);
        self.judge(&home.ecosystem, &known.names, known.version, Some(Image { located, inventory }))
    }

    /// What is known of a version of a package by its name in an OSV ecosystem (`PyPI`, `Debian:12`).
    pub fn verdict_by_name(&self, ecosystem: &str, name: &str, version: &str) -> Result<Verdict, IndexError> {
        self.judge(ecosystem, &[ecosystem::normalise(ecosystem, name)], version, None)
    }

    fn judge(
        &self,
        ecosystem: &str,
        names: &[Cow<'_, str>],
        version: &str,
        image: Option<Image<'_>>,
    ) -> Result<Verdict, IndexError> {
        let mut covered = false;
        let mut found = Vec::new();
        for (info, segment) in self.readers() {
            let question = Question { segment, version, names, image };
            match question.ask(ecosystem, &mut found) {
                Ok(answered) => covered |= answered && info.answers_for(ecosystem),
                Err(damage) => return Err(self.damaged(info, &damage)),
            }
        }
        if !covered {
            return Ok(Verdict::Unknown { ecosystem: ecosystem.to_owned() });
        }
        self.keep_newest(&mut found)?;
        for found in &mut found {
            self.enrich(found)?;
        }
        Ok(Verdict::Covered(found))
    }

    /// Two imports may hold one record: the newer one counts, also where it does not apply any more.
    fn keep_newest(&self, found: &mut Vec<Match>) -> Result<(), IndexError> {
        found.sort_by(|left: &Match, right| left.id.cmp(&right.id).then_with(|| right.modified.cmp(&left.modified)));
        found.dedup_by(|later, kept| later.id == kept.id);
        let mut outdated = Vec::new();
        if self.segments().filter(|segment| segment.counts.has_advisories()).count() > 1 {
            for found in found.iter() {
                outdated.push(self.has_newer(&found.id, found.modified.as_deref().unwrap_or_default())?);
            }
        }
        let mut outdated = outdated.into_iter();
        found.retain(|_| !outdated.next().unwrap_or(false));
        Ok(())
    }
}

type Read<T> = Result<T, Damage>;

/// One version of one package, asked of one segment.
struct Question<'a> {
    segment: Segment<'a>,
    version: &'a str,
    names: &'a [Cow<'a, str>],
    /// Where the package is, if the answer is to be judged by that.
    image: Option<Image<'a>>,
}

impl<'a> Question<'a> {
    /// Appends what applies; `false` where the segment does not cover the ecosystem. Records for all releases
    /// (`Debian`) count too, unless the same record says something of the very release.
    fn ask(&self, ecosystem: &str, found: &mut Vec<Match>) -> Read<bool> {
        let places = Places::of(self.segment, ecosystem)?;
        let mut answered: Vec<u32> = Vec::new();
        let mut in_base = false;
        let mut left = places.iter();
        while let Some(place) = left.next() {
            let before = answered.len();
            let is_last = left.size_hint().1 == Some(0);
            for name in self.names {
                let Some(package) = self.segment.package(place.row, name)? else { continue };
                in_base |= !place.is_other_product;
                let of_package = self.segment.affected(package)?;
                for rows in of_package.chunk_by(|left, right| left.record == right.record) {
                    let record = rows[0].record.get();
                    if answered[..before].contains(&record) {
                        continue;
                    }
                    if !is_last {
                        answered.push(record);
                    }
                    let claim = Claim { segment: self.segment, scheme: Scheme::of_ecosystem(place.name), rows };
                    let candidate = Candidate { place, name, in_base, of_package, claim };
                    found.extend(self.consider(&candidate)?);
                }
            }
        }
        Ok(places.is_covered())
    }

    fn consider(&self, candidate: &Candidate<'a>) -> Read<Option<Match>> {
        let claim = &candidate.claim;
        let plain = claim.holds(self.version, Reading::Plain)?;
        let Some(image) = self.image else {
            return plain.map(|held| self.describe(candidate, held, Reading::Plain, None)).transpose();
        };
        let custom = if claim.has_custom_ranges()? { claim.holds(self.version, Reading::Custom)? } else { plain };
        match (plain, custom) {
            (_, Some(held)) => self.describe(candidate, held, Reading::Custom, Some(image)).map(Some),
            (Some(held), None) => {
                let mut found = self.describe(candidate, held, Reading::Plain, None)?;
                found.suppressed = Some(qualifier::go::outside_custom_ranges(claim, self.version)?);
                Ok(Some(found))
            }
            (None, None) => Ok(None),
        }
    }

    fn describe(
        &self,
        candidate: &Candidate<'a>,
        (row, held): (&AffectedRow, Held<'a>),
        reading: Reading,
        image: Option<Image<'a>>,
    ) -> Read<Match> {
        let segment = self.segment;
        let Candidate { place, name, in_base, of_package, claim } = *candidate;
        let record = segment.record(row.record.get())?;
        let rating = segment.rating(&row.rating)?;
        let aliases = ids(segment, record, place.name)?;
        let id = segment.owned_text(record.id)?;
        let is_malware = std::iter::once(&id).chain(&aliases).any(|id| id.starts_with("MAL-"));
        let fixed = claim.lowest_fix(self.version, reading)?;
        let pro = ubuntu_pro::claim(segment, place.name, name, &claim)?;
        let pro = pro.as_ref();
        let fixed_elsewhere = match pro.filter(|_| fixed.is_none()) {
            Some(pro) => ubuntu_pro::fix(pro, self.version)?,
            None => None,
        };
        let suppressed = match image {
            Some(image) => {
                let version = self.version;
                qualifier::judge(&Case { image, name, version, place, in_base, claim, reading, of_package, pro })?
            }
            None => None,
        };
        Ok(Match {
            id,
            aliases,
            summary: segment.owned_text(record.summary)?,
            severity: rating.severity,
            score: rating.score,
            severity_source: rating.source,
            fixed: fixed.map(str::to_owned),
            fixed_elsewhere,
            ecosystem: place.name.to_owned(),
            package: name.to_owned(),
            url: segment.owned_text(record.url)?,
            modified: segment.optional_text(record.modified)?,
            category: if is_malware { Category::Malware } else { Category::Vulnerability },
            affected: held.into(),
            again: claim.again(self.version, reading)?.into_iter().map(Affected::from).collect(),
            suppressed,
            kev: None,
            epss: None,
        })
    }
}

/// What one record says of the package under one of its names.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    place: Place<'a>,
    name: &'a str,
    in_base: bool,
    of_package: &'a [AffectedRow],
    claim: Claim<'a>,
}

/// The other ids of a record, CVEs first.
fn ids(segment: Segment<'_>, record: &RecordRow, ecosystem: &str) -> Read<Vec<String>> {
    let mut ids = segment.owned_list(record.aliases)?;
    ids.extend(segment.owned_list(record.upstream)?);
    if ecosystem::tells_cves_as_related(ecosystem) {
        ids.extend(segment.owned_list(record.related)?);
    }
    ids.sort_by(|left, right| right.starts_with("CVE-").cmp(&left.starts_with("CVE-")).then_with(|| left.cmp(right)));
    ids.dedup();
    Ok(ids)
}
