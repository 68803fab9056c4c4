//! A distribution's release as somebody names it who knows better than the image (`--distro debian:12`).

use std::str::FromStr;

use thiserror::Error;

use crate::package::{Inventory, Release};

/// Why a text names no release.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ReleaseError {
    /// It is not of the form.
    #[error(
        "{0:?} is no distribution's release; write ID:VERSION as os-release has them, such as debian:12, ubuntu:24.04, \
         alpine:3.20, rhel:9.4 or sles:15.5, or ID alone for one without releases"
    )]
    Form(String),
}

/// What people write for an `ID`.
const OTHER_IDS: &[(&str, &str)] = &[
    ("redhat", "rhel"),
    ("oracle", "ol"),
    ("oraclelinux", "ol"),
    ("amazon", "amzn"),
    ("amazonlinux", "amzn"),
    ("rockylinux", "rocky"),
    ("alma", "almalinux"),
    ("archlinux", "arch"),
    ("suse", "sles"),
    ("opensuse.leap", "opensuse-leap"),
    ("opensuse.tumbleweed", "opensuse-tumbleweed"),
    ("cbl-mariner", "mariner"),
];

/// Codenames that are written where a version is wanted.
const CODENAMES: &[(&str, &str, &str)] = &[
    ("debian", "stretch", "9"),
    ("debian", "buster", "10"),
    ("debian", "bullseye", "11"),
    ("debian", "bookworm", "12"),
    ("debian", "trixie", "13"),
    ("debian", "forky", ""),
    ("debian", "sid", ""),
    ("debian", "unstable", ""),
    ("ubuntu", "trusty", "14.04"),
    ("ubuntu", "xenial", "16.04"),
    ("ubuntu", "bionic", "18.04"),
    ("ubuntu", "focal", "20.04"),
    ("ubuntu", "jammy", "22.04"),
    ("ubuntu", "noble", "24.04"),
    ("ubuntu", "resolute", "26.04"),
    ("alpine", "edge", ""),
];

impl Release {
    /// The release that `ID:VERSION` names (`debian:12`, `ubuntu:noble`, `arch`).
    pub fn parse_override(text: &str) -> Result<Self, ReleaseError> {
        let wrong = || ReleaseError::Form(text.to_owned());
        let lower = text.trim().to_lowercase();
        // A version may have a colon's place taken by what some write: `debian-12` is not understood, since IDs have
        // hyphens themselves.
        let (id, version) = lower.split_once(':').unwrap_or((&lower, ""));
        let fits = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        let starts_well = id.starts_with(|first: char| first.is_ascii_alphabetic());
        if !starts_well || !fits(id) || !fits(version) || lower.ends_with(':') {
            return Err(wrong());
        }
        let id = OTHER_IDS.iter().find(|(other, _)| *other == id).map_or(id, |(_, id)| id);
        let codename = CODENAMES.iter().find(|(of, name, _)| *of == id && *name == version);
        let release = Self {
            id: id.to_owned(),
            version_id: codename.map_or(version, |(.., number)| number).trim_start_matches('v').to_owned(),
            codename: codename.map(|(_, name, _)| (*name).to_owned()),
            ..Self::default()
        };
        let is_number = release.version_id.starts_with(|first: char| first.is_ascii_digit());
        if (release.version_id.is_empty() || is_number) && release.check().is_ok() { Ok(release) } else { Err(wrong()) }
    }
}

impl FromStr for Release {
    type Err = ReleaseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse_override(text)
    }
}

impl Inventory {
    /// The same software as of another release than the image says.
    #[must_use]
    pub fn as_of(mut self, release: Release) -> Self {
        for located in &mut self.packages {
            located.purl = located.package.purl(Some(&release));
        }
        for gone in &mut self.gone {
            gone.located.purl = gone.located.package.purl(Some(&release));
        }
        self.release = Some(release);
        self.release_told = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::{Located, Package, PackageKind};

    #[test]
    fn a_release_is_named_by_id_and_version_or_codename() {
        for (text, id, version, codename) in [
            ("debian:12", "debian", "12", None),
            ("Debian:bookworm", "debian", "12", Some("bookworm")),
            ("debian:sid", "debian", "", Some("sid")),
            ("ubuntu:noble", "ubuntu", "24.04", Some("noble")),
            ("alpine:v3.20", "alpine", "3.20", None),
            ("alpine:edge", "alpine", "", Some("edge")),
            ("redhat:9.4", "rhel", "9.4", None),
            ("opensuse-leap:15.6", "opensuse-leap", "15.6", None),
            ("openeuler:24.03-LTS-SP1", "openeuler", "24.03-lts-sp1", None),
            ("wolfi", "wolfi", "", None),
        ] {
            let release = Release::parse_override(text).unwrap();
            assert_eq!((release.id.as_str(), release.version_id.as_str()), (id, version), "{text}");
            assert_eq!(release.codename.as_deref(), codename, "{text}");
        }
    }

    #[test]
    fn what_names_no_release_says_how_to_write_one() {
        for text in ["", ":12", "debian:", "debian 12", "12", "debian:bookwurm", "a:b:c", "debian:12\n13", "d\u{1b}"] {
            let error = Release::parse_override(text).unwrap_err();
            assert!(error.to_string().contains("debian:12"), "{text:?}");
        }
    }

    #[test]
    fn an_inventory_of_another_release_has_its_package_urls() {
        let package = Package::new(PackageKind::Deb, "curl", "7");
        let purl = package.purl(None);
        let located = Located { package, purl, path: "/var/lib/dpkg/status".into(), layer: 0, owner: None };
        let inventory = Inventory { packages: vec![located], ..Inventory::default() };
        let inventory = inventory.as_of(Release::parse_override("debian:12").unwrap());
        assert_eq!(inventory.packages[0].purl, "pkg:deb/debian/curl@7?distro=debian-12");
        assert_eq!(inventory.release.unwrap().version_id, "12");
    }
}
