//! Packages that files tell of, and since which layer each is there.

use std::collections::HashMap;

use super::log::Removed;
use crate::package::Package;
use crate::record::{Catalogued, Fact};

/// Files that are read together, in order, and their packages.
#[derive(Debug, Default)]
pub(super) struct Group<'a> {
    files: Vec<&'a Catalogued>,
    /// Those of the files that are logs of which it cannot be told what they removed.
    unknown_logs: Vec<&'a Catalogued>,
    packages: Vec<Held<'a>>,
}

/// A package that is there.
#[derive(Debug)]
pub(super) struct Held<'a> {
    pub(super) package: &'a Package,
    pub(super) file: &'a Catalogued,
    pub(super) layer: usize,
}

impl<'a> Group<'a> {
    pub(super) fn files(&self) -> &[&'a Catalogued] {
        &self.files
    }

    pub(super) fn unknown_logs(&self) -> &[&'a Catalogued] {
        &self.unknown_logs
    }

    pub(super) fn packages(&self) -> &[Held<'a>] {
        &self.packages
    }

    pub(super) fn into_packages(self) -> Vec<Held<'a>> {
        self.packages
    }

    /// These are the files from `layer` on. A package that was there keeps its layer. Returns what is gone.
    pub(super) fn update(&mut self, files: Vec<&'a Catalogued>, layer: usize) -> Vec<Held<'a>> {
        let same = self.files.len() == files.len()
            && self.files.iter().zip(&files).all(|(one, other)| std::ptr::eq(*one, *other));
        if same {
            return vec![];
        }
        let before: HashMap<&Package, usize> = self.packages.iter().map(|held| (held.package, held.layer)).collect();
        let mut packages: HashMap<&Package, Held<'a>> = HashMap::new();
        let removed = Removed::of(&files);
        for (place, file) in files.iter().enumerate() {
            let told = file
                .facts
                .iter()
                .filter_map(|fact| if let Fact::Package(package) = fact { Some(package) } else { None });
            for (number, package) in told.enumerate() {
                if !removed.has(place, number) {
                    let layer = before.get(package).copied().unwrap_or(layer);
                    packages.entry(package).or_insert(Held { package, file, layer });
                }
            }
        }
        let held_before = std::mem::take(&mut self.packages);
        let gone = held_before.into_iter().filter(|held| !packages.contains_key(held.package)).collect();
        self.packages = packages.into_values().collect();
        self.unknown_logs = removed.unknown.iter().map(|place| files[*place]).collect();
        self.files = files;
        gone
    }
}
