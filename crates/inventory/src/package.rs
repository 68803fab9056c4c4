//! Packages and what is known of each.

use image::Digest;
use serde::{Deserialize, Serialize};

pub use crate::linked::{BuiltFor, Linked, LinkedPackage, symbol_hash};

/// Which package format a package came by, and with it who numbers its versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PackageKind {
    /// dpkg.
    Deb,
    /// apk-tools.
    Apk,
    /// Python distributions.
    Pypi,
    /// npm.
    Npm,
    /// rpm.
    Rpm,
    /// pacman.
    Alpm,
    /// Conda.
    Conda,
    /// RubyGems.
    Gem,
    /// Java archives; the name is `group:artifact`.
    Maven,
    /// Go modules; `stdlib` is the standard library.
    Golang,
    /// Rust crates.
    Cargo,
    /// PHP Composer; the name is `vendor/package`.
    Composer,
    /// .NET.
    Nuget,
}

impl PackageKind {
    /// Whether a distribution's package manager installs it, so that whose it is follows from the image's release.
    pub fn is_of_distribution(self) -> bool {
        matches!(self, Self::Deb | Self::Apk | Self::Rpm | Self::Alpm)
    }

    /// Its name in outputs, as serde writes it (`golang`).
    pub fn name(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Apk => "apk",
            Self::Pypi => "pypi",
            Self::Npm => "npm",
            Self::Rpm => "rpm",
            Self::Alpm => "alpm",
            Self::Conda => "conda",
            Self::Gem => "gem",
            Self::Maven => "maven",
            Self::Golang => "golang",
            Self::Cargo => "cargo",
            Self::Composer => "composer",
            Self::Nuget => "nuget",
        }
    }
}

/// A package as one cataloguer read it from one file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Package {
    /// Its format.
    pub kind: PackageKind,
    /// Its name as the format writes it (PyPI: not normalised).
    pub name: String,
    /// Its version as the format writes it, epoch and revision included.
    pub version: String,
    /// Its architecture, where the format has one.
    pub architecture: Option<String>,
    /// The source package that it was built from, where the format has one; equal to name and version when the
    /// database says nothing else.
    pub source: Option<SourcePackage>,
    /// Licences as the format writes them.
    pub licences: Vec<String>,
    /// Who built it: always where the format says so itself (rpm's `Vendor`); for dpkg and apk only where it is known
    /// not to be the distribution (`PostgreSQL Global Development Group`, `NodeSource`, `Docker`).
    pub vendor: Option<String>,
    /// The module stream that it is of, as rpm's `ModularityLabel` writes it (`nodejs:16:8060020220523:ad008a3a`).
    pub module: Option<String>,
    /// Where it lies inside the file that tells of it, where that is an archive in an archive:
    /// `WEB-INF/lib/b.jar`, `BOOT-INF/lib/c.jar!/META-INF/lib/d.jar`.
    pub inside: Option<String>,
}

/// A distribution's source package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourcePackage {
    /// Its name.
    pub name: String,
    /// Its version, without a binary rebuild's suffix.
    pub version: String,
}

/// The distribution of an image, from `os-release`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// `ID` (`debian`).
    pub id: String,
    /// `VERSION_ID` (`12`), empty where absent (Debian sid, Alpine edge has a date).
    pub version_id: String,
    /// `VERSION_CODENAME` (`bookworm`).
    pub codename: Option<String>,
    /// `ID_LIKE`, split at spaces.
    pub id_like: Vec<String>,
    /// `PRETTY_NAME` for people.
    pub pretty_name: Option<String>,
}

/// A package that is there in the merged image, with where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Located {
    /// The package.
    pub package: Package,
    /// Its package URL, qualifiers included (`pkg:deb/debian/curl@7.88.1-10?arch=amd64&distro=debian-12`).
    pub purl: String,
    /// The file that tells of it, absolute (`/var/lib/dpkg/status`).
    pub path: String,
    /// The layer that it came from, counted from the base, 0 first: the first since which it was there unchanged.
    pub layer: usize,
    /// The distribution's package that the file at `path` belongs to, where one does and the file is still as it
    /// installed it: no later layer wrote it anew.
    #[serde(default)]
    pub owner: Option<Owner>,
}

impl Located {
    /// Where it is for people: its file, and the place inside that (`/app/a.war!/WEB-INF/lib/b.jar`).
    pub fn place(&self) -> String {
        match &self.package.inside {
            Some(inside) => format!("{}!/{inside}", self.path),
            None => self.path.clone(),
        }
    }
}

/// A distribution's package that owns a file which tells of another package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owner {
    /// Its format.
    pub kind: PackageKind,
    /// Its name (`python3-idna`).
    pub name: String,
    /// Its version.
    pub version: String,
    /// Who built it, as [`Package::vendor`].
    pub vendor: Option<String>,
}

/// A package that a lower layer brought and the image no longer shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    /// What was there, with the layer that brought it.
    pub located: Located,
    /// The layer that took it away, counted from the base.
    pub by: usize,
    /// The version that came in its place, where another of the same kind and name did in the same layer.
    pub replaced_by: Option<String>,
}

/// All software of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The distribution, where an `os-release` tells.
    pub release: Option<Release>,
    /// The packages, ordered by kind, name, version, path.
    pub packages: Vec<Located>,
    /// The uncompressed digests of the layers, base first.
    pub layers: Vec<Digest>,
    /// What could not be read, one sentence each (path, cataloguer, reason).
    pub warnings: Vec<String>,
    /// Whether the release was told by whoever scans ([`Inventory::as_of`]) and is not what the image says.
    #[serde(default)]
    pub release_told: bool,
    /// Those of the warnings that may hide packages which somebody else would find: a part of a layer that was not
    /// read, a distribution's database that was read in part. Who must know everything may not be content then.
    #[serde(default)]
    pub unread: Vec<String>,
    /// Layers whose bytes were not held against their digests, so that nothing says that they are the image's.
    #[serde(default)]
    pub unverified: Vec<usize>,
    /// The content sets of Red Hat's that the image says that it is made of, sorted; empty where it says nothing.
    #[serde(default)]
    pub content_sets: Vec<String>,
    /// Packages of lower layers that are not there any more, ordered as `packages`.
    #[serde(default)]
    pub gone: Vec<Gone>,
    /// By path (absolute) of the executable, what is linked into it, where its symbols tell. Needed to judge, and not
    /// kept with a report; a bill of materials has it.
    #[serde(skip)]
    pub linked: Vec<(String, Linked)>,
}

impl Package {
    /// Longest place inside a file.
    const LONGEST_INSIDE: usize = 4096;

    /// A package of which nothing but name and version is known yet.
    pub fn new(kind: PackageKind, name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
            version: version.into(),
            architecture: None,
            source: None,
            licences: Vec::new(),
            vendor: None,
            module: None,
            inside: None,
        }
    }

    /// The package URL (purl-spec), with the distribution as namespace and qualifier where `release` is given.
    pub fn purl(&self, release: Option<&Release>) -> String {
        crate::purl::purl(self, release)
    }

    /// Why this cannot be a package, where it cannot. What a cataloguer read and what a worker answers are both held
    /// against it, so that nothing that is shown to people or asked of an index is empty, endless or a control
    /// character.
    pub fn check(&self) -> Result<(), &'static str> {
        word(&self.name, "it has no name", "its name is too long", "its name has control characters")?;
        word(&self.version, "it has no version", "its version is too long", "its version has control characters")?;
        let others = self.architecture.iter().chain(&self.vendor).chain(&self.module);
        let source = self.source.iter().flat_map(|source| [&source.name, &source.version]);
        for field in others.chain(source) {
            word(field, "a field is empty", "a field is too long", "a field has control characters")?;
        }
        for licence in &self.licences {
            text(
                licence,
                LONGEST_LICENCE,
                "a licence is empty",
                "a licence is too long",
                "a licence has control characters",
            )?;
        }
        if let Some(inside) = &self.inside {
            if inside.len() > Self::LONGEST_INSIDE {
                return Err("it lies too deep inside its file");
            }
            if inside.is_empty() || inside.chars().any(char::is_control) {
                return Err("its place inside its file is none");
            }
        }
        if self.licences.len() > 100 { Err("it has more than a hundred licences") } else { Ok(()) }
    }
}

impl Release {
    /// Why this cannot be a distribution, where it cannot.
    pub fn check(&self) -> Result<(), &'static str> {
        word(&self.id, "it has no ID", "its ID is too long", "its ID has control characters")?;
        let others = [&self.version_id].into_iter().chain(&self.codename).chain(&self.id_like).chain(&self.pretty_name);
        for text in others.filter(|text| !text.is_empty()) {
            word(text, "", "a field is too long", "a field has control characters")?;
        }
        if self.id_like.len() > 100 { Err("it is like more than a hundred others") } else { Ok(()) }
    }
}

/// Longest name, version or other field in bytes. npm allows names of 214.
const LONGEST_FIELD: usize = 512;

/// Longest licence. Fedora's glibc has an SPDX expression of some 800 bytes.
const LONGEST_LICENCE: usize = 4096;

pub(crate) fn word(
    word: &str,
    empty: &'static str,
    long: &'static str,
    control: &'static str,
) -> Result<(), &'static str> {
    text(word, LONGEST_FIELD, empty, long, control)
}

fn text(
    text: &str,
    longest: usize,
    empty: &'static str,
    long: &'static str,
    control: &'static str,
) -> Result<(), &'static str> {
    match text {
        "" => Err(empty),
        _ if text.len() > longest => Err(long),
        _ if text.chars().any(char::is_control) => Err(control),
        _ => Ok(()),
    }
}
