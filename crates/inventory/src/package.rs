//! Packages and what is known of each.

use image::Digest;
use serde::{Deserialize, Serialize};

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
}

/// All software of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// The distribution, where an `os-release` tells.
    pub release: Option<Release>,
    /// The packages, ordered by kind, name, version, path.
    pub packages: Vec<Located>,
    /// The uncompressed digests of the layers, base first.
    pub layers: Vec<Digest>,
    /// What could not be read, one sentence each (path, cataloguer, reason).
    pub warnings: Vec<String>,
}

impl Package {
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
        let others = self.architecture.iter().chain(&self.licences);
        let source = self.source.iter().flat_map(|source| [&source.name, &source.version]);
        for text in others.chain(source) {
            word(text, "a field is empty", "a field is too long", "a field has control characters")?;
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

fn word(text: &str, empty: &'static str, long: &'static str, control: &'static str) -> Result<(), &'static str> {
    match text {
        "" => Err(empty),
        _ if text.len() > LONGEST_FIELD => Err(long),
        _ if text.chars().any(char::is_control) => Err(control),
        _ => Ok(()),
    }
}
