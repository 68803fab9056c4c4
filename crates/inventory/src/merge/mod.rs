//! The records of all layers in, the image's inventory out: no byte of a layer is read.
//!
//! Layers are stacked one by one ([`view`]), as the kernel's overlay shows them when each was unpacked on its own.
//! After each, the files that count are found: where a cataloguer wants the file at a path, the one that the path
//! leads to through the links that are visible then; elsewhere every visible one. A package belongs to the first
//! layer since which it has been told without a gap: dpkg's database is written whole by each layer that installs
//! anything, and yet most of its packages are the base's.

mod gone;
mod group;
mod licences;
mod log;
mod owners;
mod view;

use std::collections::BTreeMap;

use crate::cataloguers::{ALL, Cataloguer, Wanted, by_id};
use crate::package::{Inventory, Linked, Located, Package, PackageKind, Release};
use crate::paths::join;
use crate::record::{Catalogued, Fact, LayerRecord};
use gone::Taken;
use group::{Group, Held};
use view::View;

/// Merges the records of an image's layers, base first.
pub fn merge(layers: &[LayerRecord]) -> Inventory {
    let mut view = View::default();
    let mut groups = Groups::default();
    let mut lost = Vec::new();
    for (index, layer) in layers.iter().enumerate() {
        let (changed, read) = view.stack(layer);
        lost.extend(
            read.err().map(|error| format!("layer {index}: what it replaces of lower layers is unknown: {error}")),
        );
        for path in &changed.files {
            groups.regroup_anywhere(&view, path, index);
        }
        if changed.links || !changed.files.is_empty() {
            for cataloguer in ALL {
                let files = well_known(&view, *cataloguer);
                groups.update(Key { path: "", cataloguer: cataloguer.id() }, files, index);
            }
        }
    }
    let Groups { groups, taken } = groups;
    let release = release(&groups);
    let all = groups.values().flat_map(Group::packages);
    let mut found: Vec<(Located, &Catalogued)> = all.map(|held| (located(held, release.as_ref()), held.file)).collect();
    found.sort_by(|(one, _), (other, _)| order(one).cmp(&order(other)));
    let (mut packages, files): (Vec<Located>, Vec<&Catalogued>) = found.into_iter().unzip();
    let owners = owners::of_each(layers, &packages, &files);
    packages.iter_mut().zip(owners).for_each(|(located, owner)| located.owner = owner);
    licences::fill(&mut packages, groups.values().flat_map(Group::files).copied());
    let gone = gone::gone(taken, &packages, release.as_ref());
    let (warnings, unread) = warnings(layers, lost, &groups, release.as_ref(), &packages);
    let layers = layers.iter().map(|layer| layer.diff_id.clone()).collect();
    let linked = linked(&groups);
    let content_sets = content_sets(&groups);
    Inventory { release, packages, layers, warnings, unread, content_sets, gone, linked, ..Inventory::default() }
}

/// A group of files whose packages are followed together through the layers: all that a cataloguer finds at its
/// well-known places (path is empty), or one file that it finds anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    cataloguer: &'a str,
    path: &'a str,
}

/// What is there, and what was.
#[derive(Default)]
struct Groups<'a> {
    groups: BTreeMap<Key<'a>, Group<'a>>,
    taken: Vec<Taken<'a>>,
}

impl<'a> Groups<'a> {
    fn update(&mut self, key: Key<'a>, files: Vec<&'a Catalogued>, layer: usize) {
        let gone = if files.is_empty() {
            self.groups.remove(&key).map_or_else(Vec::new, Group::into_packages)
        } else {
            self.groups.entry(key).or_default().update(files, layer)
        };
        self.taken.extend(gone.into_iter().map(|held| Taken { held, by: layer }));
    }

    fn regroup_anywhere(&mut self, view: &View<'a>, path: &'a str, layer: usize) {
        for cataloguer in ALL {
            let counts = |wanted: &Wanted| match wanted {
                Wanted::Anywhere(_) => wanted.reads(path),
                Wanted::Executable => true,
                Wanted::At(_) | Wanted::In(_) => false,
            };
            if cataloguer.wanted().iter().any(counts) {
                let files = view.file(path, cataloguer.id()).into_iter().collect();
                self.update(Key { path, cataloguer: cataloguer.id() }, files, layer);
            }
        }
    }
}

/// The files at a cataloguer's well-known places, in the order in which it wants them, each once.
fn well_known<'a>(view: &View<'a>, cataloguer: &dyn Cataloguer) -> Vec<&'a Catalogued> {
    let mut files: Vec<&Catalogued> = Vec::new();
    for wanted in cataloguer.wanted() {
        let found = match wanted {
            Wanted::At(path) => {
                view.follow(path).and_then(|real| view.file(&real, cataloguer.id())).into_iter().collect()
            }
            Wanted::In(path) => match view.follow(path) {
                Some(real) => view.files_in(&real, cataloguer.id()),
                None => vec![],
            },
            Wanted::Anywhere(_) | Wanted::Executable => vec![],
        };
        for file in found {
            if !files.iter().any(|known| std::ptr::eq(*known, file)) {
                files.push(file);
            }
        }
    }
    files
}

/// The first that says one, by cataloguer and the order in which it wants its files.
fn release(groups: &BTreeMap<Key<'_>, Group<'_>>) -> Option<Release> {
    let facts = groups.values().flat_map(Group::files).flat_map(|file| &file.facts);
    facts.into_iter().find_map(|fact| if let Fact::Release(release) = fact { Some(release.clone()) } else { None })
}

/// What is linked into the executables that are there.
fn linked(groups: &BTreeMap<Key<'_>, Group<'_>>) -> Vec<(String, Linked)> {
    let files = groups.values().flat_map(Group::files);
    let facts = files.flat_map(|file| file.facts.iter().map(move |fact| (file, fact)));
    let linked = facts.filter_map(|(file, fact)| match fact {
        Fact::Linked(linked) => Some((format!("/{}", file.path), linked.clone())),
        _ => None,
    });
    linked.collect()
}

/// Those of all manifests: each image adds its own to what it is built on.
fn content_sets(groups: &BTreeMap<Key<'_>, Group<'_>>) -> Vec<String> {
    let facts = groups.values().flat_map(Group::files).flat_map(|file| &file.facts);
    let sets = facts.filter_map(|fact| if let Fact::ContentSets(sets) = fact { Some(sets) } else { None });
    let mut sets: Vec<String> = sets.flatten().cloned().collect();
    sets.sort_unstable();
    sets.dedup();
    sets
}

fn located(held: &Held<'_>, release: Option<&Release>) -> Located {
    Located {
        package: held.package.clone(),
        purl: held.package.purl(release),
        path: join("", "/") + &held.file.path,
        layer: held.layer,
        owner: None,
    }
}

fn order(located: &Located) -> (PackageKind, &str, &str, &str, &Package) {
    let package = &located.package;
    (package.kind, &package.name, &package.version, &located.path, package)
}

/// What could not be read, and those of it that may hide packages: whatever was left out of a layer as such, and of a
/// distribution's own database. A broken file in a language's folder is one that its own tools cannot use either.
fn warnings(
    layers: &[LayerRecord],
    mut unread: Vec<String>,
    groups: &BTreeMap<Key<'_>, Group<'_>>,
    release: Option<&Release>,
    packages: &[Located],
) -> (Vec<String>, Vec<String>) {
    for (index, layer) in layers.iter().enumerate() {
        unread.extend(layer.warnings.iter().map(|warning| format!("layer {index}: {warning}")));
        let unknown = layer.files.iter().find(|file| by_id(&file.cataloguer).is_none());
        unread.extend(unknown.map(|file| format!("layer {index}: no cataloguer {:?} here", file.cataloguer)));
    }
    let mut warnings = Vec::new();
    for file in groups.values().flat_map(Group::files) {
        let of_file = file.warnings.iter().map(|warning| format!("/{} ({}): {warning}", file.path, file.cataloguer));
        let is_database = DATABASES.contains(&file.cataloguer.as_str());
        if is_database { unread.extend(of_file) } else { warnings.extend(of_file) }
    }
    for file in groups.values().flat_map(Group::unknown_logs) {
        unread.push(format!(
            "/{} ({}): rpm was ended before it had moved these changes into its database, and that is not there whole: \
             packages that they removed may still be listed; any rpm command that runs in the image moves them",
            file.path, file.cataloguer
        ));
    }
    let of_distribution = |located: &Located| located.package.kind.is_of_distribution();
    if release.is_none() && packages.iter().any(of_distribution) {
        warnings.push("the image has no os-release: which distribution's advisories apply cannot be told".into());
    }
    warnings.splice(0..0, unread.iter().cloned());
    (warnings, unread)
}

/// The cataloguers of a distribution's own database.
const DATABASES: &[&str] = &["dpkg", "apk", "rpm", "rpm-manifest", "alpm"];
