//! Java archives: jar, war, ear and the like, with the archives inside them (JAR File Specification; Jakarta EE;
//! Spring Boot's executable jars; Jenkins plugins; OSGi).
//!
//! An archive says what it is in several places, none of which is always there. [`identity`] weighs them; here they
//! are collected, level by level.

mod file_name;
mod groups;
mod identity;
mod manifest;
mod pom;
mod properties;
#[cfg(test)]
mod tests;

use std::io::{self, Read};

use super::zip::{Archive, Budget, Entry, Nested, read_whole};
use super::{Cataloguer, Content, Member, Told, Wanted};
use identity::Evidence;
use manifest::Manifest;
use pom::Pom;
use properties::PomProperties;

/// Reads Java archives.
pub(super) struct Java;

/// Archives in archives: a jar in a jar in a war in an ear, and one more.
const DEEPEST: usize = 5;
/// Most entries that are read of one archive. The largest application seen has some 1,500 libraries.
const READ: usize = 20_000;
const MANIFEST_BYTES: u64 = 256 << 10;
const PROPERTIES_BYTES: u64 = 64 << 10;
const POM_BYTES: u64 = 2 << 20;

/// What such an archive's name ends with.
const ENDINGS: &[&str] = &[".jar", ".war", ".ear", ".jpi", ".hpi", ".par", ".sar", ".lpkg", ".nar", ".kar", ".rar"];

/// Those of them that files of other kinds have, too: RAR's archives, parsers' tables, system statistics.
const SHARED_ENDINGS: &[&str] = &[".rar", ".par", ".sar"];

impl Cataloguer for Java {
    fn id(&self) -> &'static str {
        "java"
    }

    fn wanted(&self) -> &'static [Wanted] {
        &[
            Wanted::Anywhere("**/*.jar"),
            Wanted::Anywhere("**/*.war"),
            Wanted::Anywhere("**/*.ear"),
            Wanted::Anywhere("**/*.jpi"),
            Wanted::Anywhere("**/*.hpi"),
            Wanted::Anywhere("**/*.par"),
            Wanted::Anywhere("**/*.sar"),
            Wanted::Anywhere("**/*.lpkg"),
            Wanted::Anywhere("**/*.nar"),
            Wanted::Anywhere("**/*.kar"),
            Wanted::Anywhere("**/*.rar"),
        ]
    }

    fn catalogue(&self, member: &mut Member<'_>, told: &mut Told) {
        if member.size == 0 || !may_be_java(member).unwrap_or(true) {
            return;
        }
        let (path, size) = (member.path, member.size);
        let budget = Budget::default();
        let mut reading = Reading { budget: &budget, told };
        if let Err(error) = reading.archive(member.content(), size, path, &[]) {
            told.warn(error);
        }
    }
}

/// Whether the file begins as an archive does, where its ending alone does not say it.
fn may_be_java(member: &mut Member<'_>) -> io::Result<bool> {
    if !SHARED_ENDINGS.iter().any(|ending| member.name().ends_with(ending)) {
        return Ok(true);
    }
    let mut start = [0; 2];
    let content = member.content();
    content.seek(io::SeekFrom::Start(0))?;
    content.read_exact(&mut start)?;
    Ok(start == *b"PK")
}

struct Reading<'a> {
    budget: &'a Budget,
    told: &'a mut Told,
}

impl Reading<'_> {
    /// Reads an archive and those inside it. `path` is its own within what holds it, `above` those of its holders
    /// within the file, outermost first; empty for the file itself.
    fn archive(&mut self, content: &mut dyn Content, size: u64, path: &str, above: &[&str]) -> io::Result<()> {
        let mut archive = Archive::open(content, size, self.budget)?;
        let mut evidence = Evidence::new(path.rsplit('/').next().unwrap_or(path));
        let (entries, incomplete) = archive.entries(READ, |name| {
            evidence.see_class(name);
            Role::of(name).is_some()
        });
        for entry in &entries {
            if let Err(error) = self.entry(&mut archive, entry, &mut evidence, above) {
                self.told.warn(Inside(above, &entry.name, &error));
            }
            if self.budget.is_spent() {
                break;
            }
        }
        for package in evidence.packages() {
            let inside = (!above.is_empty()).then(|| above.join("!/"));
            self.told.package(crate::Package { inside, ..package });
        }
        // Said once, of the file.
        if above.is_empty() && self.budget.is_spent() {
            return Err(io::Error::other("what comes after that is not read"));
        }
        incomplete.map_or(Ok(()), Err)
    }

    fn entry(
        &mut self,
        archive: &mut Archive<'_>,
        entry: &Entry,
        evidence: &mut Evidence,
        above: &[&str],
    ) -> io::Result<()> {
        match Role::of(&entry.name) {
            Some(Role::Manifest) => {
                // Signed archives list every file behind the part that is about the archive itself.
                let mut bytes = Vec::new();
                archive.read(entry)?.take(MANIFEST_BYTES).read_to_end(&mut bytes)?;
                evidence.manifest = Manifest::read(&bytes);
            }
            Some(Role::PomProperties) => {
                let bytes = read_whole(&mut archive.read(entry)?, PROPERTIES_BYTES)?;
                evidence.properties.push((entry.name.clone(), PomProperties::read(&bytes)));
            }
            Some(Role::Pom) => {
                let bytes = read_whole(&mut archive.read(entry)?, POM_BYTES)?;
                evidence.poms.push((entry.name.clone(), Pom::read(&bytes)));
            }
            Some(Role::Archive) if entry.size > 0 => {
                if above.len() == DEEPEST {
                    return Err(io::Error::other(format!("not read, it lies {DEEPEST} archives deep")));
                }
                let within = [above, &[&entry.name]].concat();
                let mut nested = Nested::open(archive, entry)?;
                self.archive(&mut nested, entry.size, &entry.name, &within)?;
            }
            Some(Role::Archive) | None => {}
        }
        Ok(())
    }
}

/// What an entry tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Manifest,
    PomProperties,
    Pom,
    Archive,
}

impl Role {
    fn of(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("META-INF/MANIFEST.MF") {
            return Some(Self::Manifest);
        }
        // A war that was unpacked and packed again has its own under `WEB-INF/classes`.
        let in_maven = || name.starts_with("META-INF/maven/") || name.contains("/META-INF/maven/");
        match name.rsplit('/').next() {
            Some("pom.properties") if in_maven() => Some(Self::PomProperties),
            Some("pom.xml") if in_maven() => Some(Self::Pom),
            Some(file) if ENDINGS.iter().any(|ending| file.ends_with(ending)) => Some(Self::Archive),
            _ => None,
        }
    }
}

/// An error with the place inside the file where it happened.
struct Inside<'a>(&'a [&'a str], &'a str, &'a io::Error);

impl std::fmt::Display for Inside<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for archive in self.0 {
            write!(formatter, "{archive}!/")?;
        }
        write!(formatter, "{}: {}", self.1, self.2)
    }
}
