//! One vulnerability in one image: why it is found there, or why it is not.

mod absence;

use std::collections::BTreeSet;

use advisory::ecosystem::{base, home};
use advisory::index::Details;
use advisory::{Index, IndexError};
use inventory::package::Gone;

pub use absence::Absence;

use crate::actions::Upgrade;
use crate::{Finding, Group, Report};

/// Everything that can be said of one id and one image.
#[derive(Clone, Debug)]
pub struct Explanation<'a> {
    /// The id that was asked for.
    pub id: String,
    /// The image.
    pub report: &'a Report,
    /// Where it is found.
    pub found: Vec<Place<'a>>,
    /// Where it applies and is not counted; each record has its reason.
    pub suppressed: Vec<Place<'a>>,
    /// What the loaded records tell of it, those that matched first.
    pub records: Vec<Details>,
    /// Why it is not found, where it is not.
    pub absent: Vec<Absence>,
}

/// Packages of one source at one version in one layer, with the same records.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// One for each installed package; what their records say is the same.
    pub groups: Vec<Group<'a>>,
    /// What to upgrade, where a version mends it.
    pub upgrade: Option<Upgrade>,
    /// Packages of the same name that lower layers had.
    pub gone: Vec<&'a Gone>,
}

impl<'a> Explanation<'a> {
    /// Looks at a report, and in the index for what its records tell; without one nothing is told.
    pub fn new(id: &str, report: &'a Report, index: Option<&Index>) -> Result<Self, IndexError> {
        let id = id.trim().to_owned();
        let named = |groups: Vec<Group<'a>>| groups.into_iter().filter(|group| group.is_called(&id)).collect();
        let upgrades = report.actions().upgrades;
        let found = places(named(report.groups()), report, &upgrades);
        let suppressed = places(named(report.suppressed_groups()), report, &[]);
        let matched: Vec<&Finding> = found.iter().chain(&suppressed).flat_map(Place::records).collect();
        let mut records = match index {
            Some(index) => index.records_naming(&id)?,
            None => Vec::new(),
        };
        // A record may be found under an id that it does not name itself, over another of its group.
        for finding in &matched {
            if let Some(index) = index
                && !records.iter().any(|record| record.id == finding.matched.id)
            {
                records.extend(index.record(&finding.matched.id)?);
            }
        }
        records.sort_by_key(|record| !matched.iter().any(|finding| finding.matched.id == record.id));
        let absent = match index {
            _ if !matched.is_empty() => Vec::new(),
            Some(index) => absence::reasons(report, &records, index)?,
            None => vec![Absence::NoIndex],
        };
        Ok(Self { id, report, found, suppressed, records, absent })
    }
}

impl Explanation<'_> {
    /// The records to read, and those about ecosystems of which the image has nothing. Of a thing that is told only
    /// there, the first is to be read all the same.
    pub fn records_by_relevance(&self) -> (Vec<&Details>, Vec<&Details>) {
        let release = self.report.inventory.release.as_ref();
        let homes: BTreeSet<String> =
            self.report.inventory.packages.iter().map(|located| home(&located.package, release).ecosystem).collect();
        let at_home: BTreeSet<&str> = homes.iter().map(|ecosystem| base(ecosystem)).collect();
        let places = self.found.iter().chain(&self.suppressed);
        let matched: BTreeSet<&str> =
            places.flat_map(Place::records).map(|finding| finding.matched.id.as_str()).collect();
        let is_near = |record: &&Details| {
            matched.contains(record.id.as_str())
                || record.affected.iter().any(|(ecosystem, _)| at_home.contains(base(ecosystem)))
        };
        let (mut near, mut far): (Vec<_>, Vec<_>) = self.records.iter().partition(is_near);
        if near.is_empty() && !far.is_empty() {
            near.push(far.remove(0));
        }
        (near, far)
    }
}

impl<'a> Place<'a> {
    /// The records that matched, each once: what means it alone, then notices about it and others.
    pub fn records(&self) -> Vec<&'a Finding> {
        let all = self.groups.iter().take(1);
        all.flat_map(|group| group.records().iter().chain(group.also()).copied()).collect()
    }

    /// One of the packages with its records.
    pub fn first(&self) -> &Group<'a> {
        &self.groups[0]
    }
}

/// Packages that differ only in their own names are one place.
fn places<'a>(groups: Vec<Group<'a>>, report: &'a Report, upgrades: &[Upgrade]) -> Vec<Place<'a>> {
    let mut places: Vec<Place<'a>> = Vec::new();
    for group in groups {
        if let Some(place) = places.iter_mut().find(|place| is_same(place.first(), &group)) {
            place.groups.push(group);
            continue;
        }
        let package = &group.located().package;
        let upgrade = upgrades.iter().find(|upgrade| {
            group.is_fixable() && upgrade.kind == package.kind && upgrade.packages.contains(&package.name)
        });
        places.push(Place { upgrade: upgrade.cloned(), gone: Vec::new(), groups: vec![group] });
    }
    for place in &mut places {
        let is_kin = |gone: &&Gone| {
            let mut here = place.groups.iter().map(|group| &group.located().package);
            here.any(|package| gone.located.package.kind == package.kind && gone.located.package.name == package.name)
        };
        place.gone = report.inventory.gone.iter().filter(is_kin).collect();
    }
    places
}

fn is_same(one: &Group<'_>, other: &Group<'_>) -> bool {
    let (left, right) = (one.located(), other.located());
    let ids = |group: &Group<'_>| group.ids().into_iter().map(str::to_owned).collect::<Vec<_>>();
    left.package.source.is_some()
        && left.package.source == right.package.source
        && (&left.path, left.layer, left.owner.is_some()) == (&right.path, right.layer, right.owner.is_some())
        && ids(one) == ids(other)
        && one.first().matched.suppressed == other.first().matched.suppressed
}
