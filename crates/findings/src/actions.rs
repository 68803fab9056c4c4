//! What can be done, and how many findings go away by it.
//!
//! Every finding goes away by at most one [`Upgrade`], since it is of one package: the upgrades' numbers and what has
//! no fix add up to all that was found. [`Actions::base`] and [`Actions::rebuilds`] say of the same findings where in
//! the image the fix comes in, as far as the image itself proves it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use inventory::{Owner, PackageKind};

use crate::headers::is_kernel_headers;
use crate::mending::{Mending, is_past, mending};
use crate::{Counts, Finding, Group, Report};

mod command;

/// What can be done about an image's findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actions {
    /// What to bring to which version, what to look at first before others.
    pub upgrades: Vec<Upgrade>,
    /// What a base image that is built anew would mend: findings in the lowest layer of several, which are fixed in
    /// the distribution's present release.
    pub base: Option<OfLayer>,
    /// What building a layer again without the cache would mend: findings in packages that a package manager installed
    /// there, as the image's history says, and that are fixed in the distribution's present release.
    pub rebuilds: Vec<OfLayer>,
    /// What no version mends yet.
    pub without_fix: Counts,
}

/// A package to upgrade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// Its format.
    pub kind: PackageKind,
    /// The source package where the format has one, since its binaries come together.
    pub package: String,
    /// What is there now.
    pub installed: String,
    /// The version that mends them all; several where nobody knows their order.
    pub fixed: Vec<String>,
    /// The findings that go away.
    pub removes: Counts,
    /// How many of these are known to be exploited.
    pub exploited: usize,
    /// The installed packages that have them, by name.
    pub packages: Vec<String>,
    /// The layers in which they are, base 0.
    pub layers: Vec<usize>,
    /// What to type, where one command does it.
    pub command: Option<String>,
    /// Whether it is about kernel headers, in which nothing runs.
    pub is_headers: bool,
}

/// What goes away when one layer is made anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfLayer {
    /// The layer, base 0.
    pub layer: usize,
    /// The line of the image's history that made it.
    pub created_by: Option<String>,
    /// The findings that go away.
    pub removes: Counts,
}

impl Actions {
    pub(crate) fn of(report: &Report) -> Self {
        let mut by_package: BTreeMap<(PackageKind, &str, &str), Vec<Group<'_>>> = BTreeMap::new();
        for group in report.groups() {
            by_package.entry(key(&group)).or_default().push(group);
        }
        let mut actions = Self::default();
        let mut upgrades = Vec::new();
        let mut layers: BTreeMap<usize, Counts> = BTreeMap::new();
        for groups in by_package.values() {
            let fixed = target(groups);
            let (removed, left): (Vec<_>, Vec<_>) = groups.iter().partition(|group| goes_away(group, &fixed));
            for group in left {
                actions.without_fix.add(group.severity());
            }
            for group in removed.iter().filter(|group| group.located().package.kind.is_of_distribution()) {
                layers.entry(group.located().layer).or_default().add(group.severity());
            }
            if let Some(urgency) = removed.iter().map(|group| group.urgency()).max() {
                upgrades.push((urgency, upgrade(report, &removed, fixed)));
            }
        }
        // By the most urgent of what goes away, then by how much does.
        upgrades.sort_by_key(|(urgency, upgrade)| Reverse((*urgency, upgrade.removes.total())));
        actions.upgrades = upgrades.into_iter().map(|(_, upgrade)| upgrade).collect();
        actions.place(report, layers);
        actions
    }

    /// All findings that some upgrade makes go away.
    pub fn removable(&self) -> usize {
        self.upgrades.iter().map(|upgrade| upgrade.removes.total()).sum()
    }

    /// Where the distribution's own fixes come into the image.
    fn place(&mut self, report: &Report, layers: BTreeMap<usize, Counts>) {
        for (layer, removes) in layers {
            let created_by = report.history.get(layer).cloned().flatten();
            let of_layer = OfLayer { layer, created_by, removes };
            if layer == 0 && report.inventory.layers.len() > 1 {
                self.base = Some(of_layer);
            } else if of_layer.created_by.as_deref().is_some_and(runs_a_package_manager) {
                self.rebuilds.push(of_layer);
            }
        }
    }
}

fn key<'a>(group: &Group<'a>) -> (PackageKind, &'a str, &'a str) {
    let package = &group.located().package;
    match &package.source {
        Some(source) => (package.kind, &source.name, &source.version),
        None => (package.kind, &package.name, &package.version),
    }
}

/// The version to upgrade to: the lowest that mends all that can be mended.
fn target(groups: &[Group<'_>]) -> Vec<String> {
    let records: Vec<&Finding> =
        groups.iter().flat_map(|group| group.records().iter().chain(group.also())).copied().collect();
    match mending(&records) {
        Mending::By(version) => vec![version.to_owned()],
        Mending::InPart(versions) => versions,
        Mending::Nothing => Vec::new(),
    }
}

/// Whether a finding is gone at the target. Where several databases tell of it, all of them must say so.
fn goes_away(group: &Group<'_>, target: &[String]) -> bool {
    match target {
        [] => false,
        [version] => group.is_fixable() && group.records().iter().all(|record| is_past(record, version)),
        // Nobody knows their order: then the record's own word has to do.
        _ => group.is_fixable(),
    }
}

fn upgrade(report: &Report, removed: &[&Group<'_>], fixed: Vec<String>) -> Upgrade {
    let (kind, package, installed) = key(removed[0]);
    let sorted = |mut list: Vec<String>| {
        list.sort_unstable();
        list.dedup();
        list
    };
    let packages = sorted(removed.iter().map(|group| group.located().package.name.clone()).collect());
    let mut layers: Vec<usize> = removed.iter().map(|group| group.located().layer).collect();
    layers.sort_unstable();
    layers.dedup();
    Upgrade {
        command: owners_command(report, removed)
            .or_else(|| command::command(kind, report.inventory.release.as_ref(), &packages, package, &fixed)),
        kind,
        package: package.to_owned(),
        installed: installed.to_owned(),
        fixed,
        removes: removed.iter().map(|group| group.severity()).collect(),
        exploited: removed.iter().filter(|group| group.kev().is_some()).count(),
        packages,
        layers,
        is_headers: removed.iter().all(|group| is_kernel_headers(&group.located().package)),
    }
}

/// Where a distribution's packages own all of it, what upgrades those: another installer writing over their files is what
/// distributions forbid, and the next upgrade would undo it.
fn owners_command(report: &Report, removed: &[&Group<'_>]) -> Option<String> {
    let owners: Vec<&Owner> = removed.iter().map(|group| group.located().owner.as_ref()).collect::<Option<Vec<_>>>()?;
    let kind = owners.first()?.kind;
    let mut names: Vec<String> = owners.iter().map(|owner| owner.name.clone()).collect();
    names.sort_unstable();
    names.dedup();
    let source = names.first().cloned().unwrap_or_default();
    command::command(kind, report.inventory.release.as_ref(), &names, &source, &[])
}

/// Whether a line of the image's history installs packages, so that running it again brings the present ones.
fn runs_a_package_manager(line: &str) -> bool {
    const MANAGERS: [&str; 9] = ["apt-get", "apt", "apk", "dnf", "microdnf", "yum", "tdnf", "zypper", "pacman"];
    let mut words = line.split(|character: char| !(character.is_ascii_alphanumeric() || "-_.".contains(character)));
    words.any(|word| MANAGERS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_line_that_installs_packages_brings_present_ones_when_it_runs_again() {
        for line in [
            "RUN /bin/sh -c apt-get update && apt-get install -y curl # buildkit",
            "/bin/sh -c apk add --no-cache curl",
            "RUN /bin/sh -c dnf -y install httpd;dnf clean all",
        ] {
            assert!(runs_a_package_manager(line), "{line}");
        }
        for line in ["COPY --from=build /srv /srv # buildkit", "ADD rootfs.tar / ", "RUN /bin/sh -c ./adapt.sh"] {
            assert!(!runs_a_package_manager(line), "{line}");
        }
    }
}
