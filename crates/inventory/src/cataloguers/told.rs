//! What a file told, with bounds on how much that can be.

use std::fmt::Display;

use crate::package::{Linked, Package, Release};
use crate::record::{Fact, Licences, Owns, PackageTable, check_content_sets};

/// Facts and warnings from one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    facts: Vec<Fact>,
    warnings: Vec<String>,
    left_out: usize,
    owned: usize,
}

impl Told {
    /// Most facts that one file may tell. The largest Debian installation has some 60,000 packages.
    pub const FACTS: usize = 100_000;
    /// Most files that packages of one file may own together. Each takes some ten bytes of the worker's answer, which
    /// is bounded; a large desktop has 500,000.
    pub const OWNED: usize = Owns::FILES;
    /// Most warnings that are kept of one file; the rest is counted.
    pub const WARNINGS: usize = 20;
    /// Longest warning in characters.
    pub const WARNING_LENGTH: usize = 300;

    /// A package is installed. One that cannot be (no name, control characters in its version) is a warning instead.
    pub fn package(&mut self, package: Package) {
        match package.check() {
            Ok(()) => self.fact(Fact::Package(package)),
            Err(reason) => self.warn(format!("left out package {:?}: {reason}", clip(&package.name, 60))),
        }
    }

    /// Where in a database with a log the packages are.
    pub fn package_table(&mut self, table: PackageTable) {
        match table.check() {
            Ok(()) => self.fact(Fact::PackageTable(table)),
            Err(reason) => self.warn(format!("which packages its log removed cannot be told: {reason}")),
        }
    }

    /// The distribution says its name.
    pub fn release(&mut self, release: Release) {
        match release.check() {
            Ok(()) => self.fact(Fact::Release(release)),
            Err(reason) => self.warn(format!("left out distribution {:?}: {reason}", clip(&release.id, 60))),
        }
    }

    /// A distribution's package owns files.
    pub fn owns(&mut self, owns: Owns) {
        let owned = self.owned.saturating_add(owns.files.len());
        if owned > Self::OWNED {
            self.warn(format!("left out what package {:?} owns: there are too many files", clip(&owns.name, 60)));
        } else if !owns.files.is_empty() {
            self.owned = owned;
            self.fact(Fact::Owns(owns));
        }
    }

    /// What of a module is linked into this executable.
    pub fn linked(&mut self, linked: Linked) {
        match linked.check() {
            Ok(()) => self.fact(Fact::Linked(linked)),
            Err(reason) => self.warn(format!("left out what is linked of {:?}: {reason}", clip(&linked.module, 60))),
        }
    }

    /// Under which licences a package is; nothing where it is none.
    pub fn licences(&mut self, licences: Licences) {
        match licences.check() {
            _ if licences.licences.is_empty() => {}
            Ok(()) => self.fact(Fact::Licences(licences)),
            Err(reason) => self.warn(format!("left out licences of {:?}: {reason}", clip(&licences.name, 60))),
        }
    }

    /// Which content sets of Red Hat's the image is made of; nothing where it is none.
    pub fn content_sets(&mut self, mut sets: Vec<String>) {
        sets.sort_unstable();
        sets.dedup();
        match check_content_sets(&sets) {
            _ if sets.is_empty() => {}
            Ok(()) => self.fact(Fact::ContentSets(sets)),
            Err(reason) => self.warn(format!("left out its content sets: {reason}")),
        }
    }

    /// Something could not be read: half a sentence that follows the file's name.
    pub fn warn(&mut self, warning: impl Display) {
        if self.warnings.len() < Self::WARNINGS {
            self.warnings.push(clip(&warning.to_string(), Self::WARNING_LENGTH));
        } else {
            self.left_out += 1;
        }
    }

    /// Facts in the file's order, and warnings.
    pub fn into_parts(mut self) -> (Vec<Fact>, Vec<String>) {
        if self.left_out > 0 {
            self.warnings.push(format!("{} more of such warnings", self.left_out));
        }
        (self.facts, self.warnings)
    }

    fn fact(&mut self, fact: Fact) {
        if self.facts.len() < Self::FACTS {
            self.facts.push(fact);
        } else {
            self.warn(format!("left out what comes after {} entries", Self::FACTS));
        }
    }
}

/// The first characters of a text, control characters made visible.
pub(crate) fn clip(text: &str, characters: usize) -> String {
    let mut clipped = String::new();
    for (index, character) in text.chars().enumerate() {
        if index == characters {
            clipped.push('…');
            break;
        }
        if character.is_control() {
            clipped.extend(character.escape_default());
        } else {
            clipped.push(character);
        }
    }
    clipped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_clipped_counted_and_made_visible() {
        let mut told = Told::default();
        for _ in 0..Told::WARNINGS + 5 {
            told.warn("\x1b[31m".to_owned() + &"x".repeat(1000));
        }
        let (_, warnings) = told.into_parts();
        assert_eq!(warnings.len(), Told::WARNINGS + 1);
        assert!(warnings[0].starts_with("\\u{1b}[31mxxx") && warnings[0].len() < 400);
        assert_eq!(warnings[Told::WARNINGS], "5 more of such warnings");
    }
}
