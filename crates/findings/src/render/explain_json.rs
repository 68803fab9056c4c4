//! The explanation of one vulnerability, for a program: the report's findings, with the records' whole text.

use advisory::index::Details;
use serde::Serialize;

use super::json::JsonFinding;
use crate::escape;
use crate::explain::{Absence, Explanation, Place};

/// The version of the shape: fields may be added within a major version, and are never removed or changed.
const SCHEMA_VERSION: &str = "1.0";

/// The explanation as JSON, indented, with a line feed at its end.
pub fn explain_json(explanation: &Explanation<'_>) -> serde_json::Result<Vec<u8>> {
    let mut text = escape::json(serde_json::to_string_pretty(&Document::of(explanation))?);
    text.push('\n');
    Ok(text.into_bytes())
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: &'static str,
    id: &'a str,
    image: Image<'a>,
    /// `affected`, `not-counted`, `not-affected`, `unknown`.
    verdict: &'static str,
    findings: Vec<JsonFinding<'a>>,
    suppressed: Vec<JsonFinding<'a>>,
    upgrades: Vec<Upgrade<'a>>,
    gone: Vec<Gone<'a>>,
    reasons: Vec<Reason<'a>>,
    records: &'a [Details],
}

#[derive(Serialize)]
struct Image<'a> {
    name: &'a str,
    digest: &'a str,
    platform: &'a str,
    layers: Vec<Layer<'a>>,
}

#[derive(Serialize)]
struct Layer<'a> {
    diff_id: &'a str,
    created_by: Option<&'a str>,
}

#[derive(Serialize)]
struct Upgrade<'a> {
    package: &'a str,
    installed: &'a str,
    fixed: &'a [String],
    command: Option<&'a str>,
}

#[derive(Serialize)]
struct Gone<'a> {
    name: &'a str,
    version: &'a str,
    layer: usize,
    by: usize,
    replaced_by: Option<&'a str>,
}

/// Why it is not found.
#[derive(Serialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Reason<'a> {
    NoAdvisories,
    NoRecord {
        loaded: &'a [String],
        uncovered: &'a [String],
    },
    Elsewhere {
        record: &'a str,
        about: &'a [String],
        image: &'a [String],
    },
    NothingNamed {
        record: &'a str,
    },
    NotThere {
        record: &'a str,
        packages: Vec<Named<'a>>,
    },
    Outside {
        record: &'a str,
        ecosystem: &'a str,
        purl: &'a str,
        version: &'a str,
        ranges: &'a [String],
        versions: &'a [String],
    },
}

#[derive(Serialize)]
struct Named<'a> {
    ecosystem: &'a str,
    name: &'a str,
}

impl<'a> Document<'a> {
    fn of(explanation: &'a Explanation<'a>) -> Self {
        let report = explanation.report;
        let history = report.history.iter().map(Option::as_deref).chain(std::iter::repeat(None));
        let layers = report.inventory.layers.iter().zip(history);
        let places = || explanation.found.iter().chain(&explanation.suppressed);
        Self {
            schema_version: SCHEMA_VERSION,
            id: &explanation.id,
            image: Image {
                name: &report.name,
                digest: report.digest.as_str(),
                platform: &report.platform,
                layers: layers.map(|(diff_id, by)| Layer { diff_id: diff_id.as_str(), created_by: by }).collect(),
            },
            verdict: verdict(explanation),
            findings: findings(&explanation.found),
            suppressed: findings(&explanation.suppressed),
            upgrades: places().filter_map(|place| place.upgrade.as_ref()).map(Upgrade::of).collect(),
            gone: places().flat_map(|place| &place.gone).map(|gone| Gone::of(gone)).collect(),
            reasons: explanation.absent.iter().map(Reason::of).collect(),
            records: &explanation.records,
        }
    }
}

fn verdict(explanation: &Explanation<'_>) -> &'static str {
    if !explanation.found.is_empty() {
        "affected"
    } else if !explanation.suppressed.is_empty() {
        "not-counted"
    } else if explanation.is_known() {
        "not-affected"
    } else {
        "unknown"
    }
}

fn findings<'a>(places: &'a [Place<'a>]) -> Vec<JsonFinding<'a>> {
    let all = places.iter().flat_map(Place::findings);
    all.map(|(group, finding)| JsonFinding::of(finding, vec![group.key()])).collect()
}

impl<'a> Upgrade<'a> {
    fn of(upgrade: &'a crate::actions::Upgrade) -> Self {
        Self {
            package: &upgrade.package,
            installed: &upgrade.installed,
            fixed: &upgrade.fixed,
            command: upgrade.command.as_deref(),
        }
    }
}

impl<'a> Gone<'a> {
    fn of(gone: &'a inventory::package::Gone) -> Self {
        Self {
            name: &gone.located.package.name,
            version: &gone.located.package.version,
            layer: gone.located.layer,
            by: gone.by,
            replaced_by: gone.replaced_by.as_deref(),
        }
    }
}

impl<'a> Reason<'a> {
    fn of(absence: &'a Absence) -> Self {
        match absence {
            Absence::NoIndex => Self::NoAdvisories,
            Absence::NoRecord { loaded, uncovered } => Self::NoRecord { loaded, uncovered },
            Absence::Elsewhere { record, about, image } => Self::Elsewhere { record, about, image },
            Absence::NothingNamed { record } => Self::NothingNamed { record },
            Absence::NotThere { record, packages, .. } => Self::NotThere {
                record,
                packages: packages.iter().map(|(ecosystem, name)| Named { ecosystem, name }).collect(),
            },
            Absence::Outside { record, ecosystem, located, version, said } => Self::Outside {
                record,
                ecosystem,
                purl: &located.purl,
                version,
                ranges: &said.ranges,
                versions: &said.versions,
            },
        }
    }
}
