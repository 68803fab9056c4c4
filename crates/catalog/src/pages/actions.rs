//! What to do about an image's findings: which package to bring to which version, worst first.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use advisory::versions::Scheme;
use findings::Report;
use inventory::PackageKind;
use serde::Serialize;

use crate::counts::Counts;

/// One update that mends findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Update {
    /// What is updated: the source package where the format has one, since its binaries come together.
    pub(crate) package: String,
    /// `deb`, `apk`, `pypi`, `npm`.
    pub(crate) kind: PackageKind,
    /// What is there now.
    pub(crate) installed: String,
    /// The version that mends them all; several where nobody knows their order.
    pub(crate) fixed: Vec<String>,
    /// What it mends.
    pub(crate) mends: Counts,
    /// The layers in which the package is, base 0.
    pub(crate) layers: Vec<usize>,
    /// The names of the installed packages.
    pub(crate) packages: Vec<String>,
}

/// All updates, the one that mends the worst first. An id counts once an update, however many of its packages have it.
pub(crate) fn updates(report: &Report) -> Vec<Update> {
    let mut by_source: BTreeMap<(PackageKind, String, String), (Update, Vec<String>)> = BTreeMap::new();
    for finding in &report.findings {
        let Some(fixed) = &finding.matched.fixed else { continue };
        let package = &finding.located.package;
        let (name, version) = match &package.source {
            Some(source) => (&source.name, &source.version),
            None => (&package.name, &package.version),
        };
        let (update, ids) = by_source.entry((package.kind, name.clone(), version.clone())).or_insert_with(|| {
            let update = Update {
                package: name.clone(),
                kind: package.kind,
                installed: version.clone(),
                fixed: vec![],
                mends: Counts::default(),
                layers: vec![],
                packages: vec![],
            };
            (update, vec![])
        });
        raise(&mut update.fixed, fixed, Scheme::of_ecosystem(&finding.matched.ecosystem));
        add(&mut update.layers, &finding.located.layer);
        add(&mut update.packages, &package.name);
        if !ids.contains(&finding.matched.id) {
            ids.push(finding.matched.id.clone());
            update.mends.add(finding.matched.severity);
        }
    }
    let mut updates: Vec<Update> = by_source.into_values().map(|(update, _)| update).collect();
    for update in &mut updates {
        update.layers.sort_unstable();
    }
    updates.sort_by(|one, other| other.mends.cmp(&one.mends).then_with(|| one.package.cmp(&other.package)));
    updates
}

/// Each finding names the lowest version that mends it; the highest of these mends all.
fn raise(versions: &mut Vec<String>, version: &str, scheme: Option<Scheme>) {
    let order = |known: &String| scheme.and_then(|scheme| scheme.compare(known, version));
    if versions
        .iter()
        .any(|known| known == version || matches!(order(known), Some(Ordering::Greater | Ordering::Equal)))
    {
        return;
    }
    versions.retain(|known| order(known) != Some(Ordering::Less));
    versions.push(version.to_owned());
}

fn add<T: PartialEq + Clone>(list: &mut Vec<T>, item: &T) {
    if !list.contains(item) {
        list.push(item.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raised(scheme: Option<Scheme>, versions: &[&str]) -> Vec<String> {
        let mut kept = Vec::new();
        for version in versions {
            raise(&mut kept, version, scheme);
        }
        kept
    }

    #[test]
    fn an_update_goes_to_the_version_that_mends_all() {
        assert_eq!(raised(Some(Scheme::Dpkg), &["1.10-1", "1.9-1", "1.10-1+deb12u1", "1.10-1"]), ["1.10-1+deb12u1"]);
        assert_eq!(raised(Some(Scheme::Pep440), &["2.0rc1", "2.0", "1.11"]), ["2.0"]);
    }

    #[test]
    fn where_nobody_knows_the_order_all_are_named() {
        assert_eq!(raised(None, &["b", "a", "b"]), ["b", "a"]);
    }
}
