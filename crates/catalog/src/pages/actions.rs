//! What to do about an image's findings: which package to bring to which version, worst first.

use std::collections::BTreeMap;

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
    /// The versions that mend one finding or more; with the last of them all are mended.
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
        add(&mut update.fixed, fixed);
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

fn add<T: PartialEq + Clone>(list: &mut Vec<T>, item: &T) {
    if !list.contains(item) {
        list.push(item.clone());
    }
}
