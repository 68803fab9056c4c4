//! Why a vulnerability is not found in an image.

use advisory::ecosystem::{base, home, normalise};
use advisory::index::{Details, Said};
use advisory::{Index, IndexError};
use inventory::package::{Gone, Located};

use crate::Report;

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absence {
    /// There are no advisories to look in.
    NoIndex,
    /// No loaded record has or names the id.
    NoRecord {
        /// What is loaded, by name.
        loaded: Vec<String>,
        /// Ecosystems of the image that nothing loaded covers.
        uncovered: Vec<String>,
    },
    /// A record is about other ecosystems or releases than those of the image's packages.
    Elsewhere {
        /// The record.
        record: String,
        /// What it is about.
        about: Vec<String>,
        /// What the image's packages are of.
        image: Vec<String>,
    },
    /// A record names no package that can be matched.
    NothingNamed {
        /// The record.
        record: String,
    },
    /// The packages that a record is about are not in the image.
    NotThere {
        /// The record.
        record: String,
        /// Ecosystem and name of each.
        packages: Vec<(String, String)>,
        /// Those of them that a lower layer had.
        gone: Vec<Gone>,
    },
    /// The package is there, and its version is not among the affected ones.
    Outside {
        /// The record.
        record: String,
        /// The ecosystem by which it was judged.
        ecosystem: String,
        /// The package.
        located: Box<Located>,
        /// The version that was judged: the source package's where that is what counts.
        version: String,
        /// What is affected.
        said: Said,
    },
}

/// Why none of the records applies, the nearest miss of each.
pub(super) fn reasons(report: &Report, records: &[Details], index: &Index) -> Result<Vec<Absence>, IndexError> {
    if records.is_empty() {
        let loaded = index.segments().map(|segment| segment.name.clone()).collect();
        let uncovered = report.uncovered.iter().map(|(ecosystem, _)| ecosystem.clone()).collect();
        return Ok(vec![Absence::NoRecord { loaded, uncovered }]);
    }
    let mut reasons = Vec::new();
    for record in records {
        reasons.extend(of_record(report, record, index)?);
    }
    reasons.sort_by_key(|reason| match reason {
        Absence::Outside { .. } => 0,
        Absence::NotThere { .. } => 1,
        _ => 2,
    });
    Ok(reasons)
}

fn of_record(report: &Report, record: &Details, index: &Index) -> Result<Vec<Absence>, IndexError> {
    let id = || record.id.clone();
    if record.affected.is_empty() {
        return Ok(vec![Absence::NothingNamed { record: id() }]);
    }
    let release = report.inventory.release.as_ref();
    let homes: Vec<(String, &Located)> =
        report.inventory.packages.iter().map(|located| (home(&located.package, release).ecosystem, located)).collect();
    let (mut outside, mut missing) = (Vec::new(), Vec::new());
    for (ecosystem, name) in &record.affected {
        let is_home = |home: &str| home == ecosystem || (base(home) == ecosystem && !ecosystem.contains(':'));
        let here = homes.iter().filter(|(home, _)| is_home(home));
        let mut is_there = false;
        for (home, located) in here.clone() {
            let Some(version) = version_judged(ecosystem, name, located) else { continue };
            is_there = true;
            // Binaries of one source are judged alike.
            let told = |reason: &Absence| {
                matches!(reason, Absence::Outside { version: told, located: other, .. }
                    if *told == version && other.package.source.is_some() && other.package.source == located.package.source)
            };
            if outside.iter().any(told) {
                continue;
            }
            let said = index.said(&record.id, ecosystem, &normalise(ecosystem, name))?;
            let (ecosystem, located) = (home.clone(), Box::new((*located).clone()));
            outside.push(Absence::Outside { record: id(), ecosystem, located, version, said });
        }
        if !is_there && here.count() > 0 {
            missing.push((ecosystem.clone(), name.clone()));
        }
    }
    if !outside.is_empty() {
        return Ok(outside);
    }
    if !missing.is_empty() {
        let is_named = |gone: &&Gone| {
            missing.iter().any(|(ecosystem, name)| version_judged(ecosystem, name, &gone.located).is_some())
        };
        let gone = report.inventory.gone.iter().filter(is_named).cloned().collect();
        return Ok(vec![Absence::NotThere { record: id(), packages: missing, gone }]);
    }
    let sorted = |mut names: Vec<String>| {
        names.sort_unstable();
        names.dedup();
        names
    };
    let about = sorted(record.affected.iter().map(|(ecosystem, _)| ecosystem.clone()).collect());
    let image = sorted(homes.into_iter().map(|(home, _)| home).collect());
    Ok(vec![Absence::Elsewhere { record: id(), about, image }])
}

/// The version that a record of this name would be held against; `None` where the package has another name.
fn version_judged(ecosystem: &str, name: &str, located: &Located) -> Option<String> {
    let package = &located.package;
    match &package.source {
        Some(source) if source.name == name => Some(source.version.clone()),
        _ if normalise(ecosystem, &package.name) == normalise(ecosystem, name) => Some(package.version.clone()),
        _ => None,
    }
}
