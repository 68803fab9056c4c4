//! In which order an ecosystem's versions come.
//!
//! One file a scheme, each a plain function that compares two versions as their format writes them, without
//! allocating. A new scheme is a new file, a variant of [`Scheme`], a line in [`Scheme::compare`] and its ecosystems
//! in [`Scheme::of_ecosystem`].

mod alpm;
mod apk;
mod conan;
mod digits;
mod dpkg;
mod homebrew;
mod maven;
mod nuget;
mod numbers;
mod packagist;
mod pep440;
mod pub_dev;
mod rpm;
mod rubygems;
mod semver;

use std::cmp::Ordering;

/// A way to order versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// deb-version(7).
    Dpkg,
    /// apk-tools' apk-package(5).
    Apk,
    /// SemVer 2.0, read as leniently as the ecosystems that say they use it need.
    Semver,
    /// Python's PEP 440, with what came before it sorted before it.
    Pep440,
    /// rpm's rpmvercmp.
    Rpm,
    /// pacman's vercmp.
    Alpm,
    /// Maven's ComparableVersion.
    Maven,
    /// NuGet's four numbers and SemVer's pre-releases.
    Nuget,
    /// Gem::Version.
    Rubygems,
    /// PHP's version_compare, as Composer uses it.
    Packagist,
    /// R's package_version: numbers, hyphens as good as dots.
    Cran,
    /// Haskell's Data.Version: numbers.
    Hackage,
    /// Conan's Version.
    Conan,
    /// Dart's pub, in whose SemVer builds order too.
    Pub,
    /// Homebrew's Version, with the formula's revision.
    Homebrew,
}

impl Scheme {
    /// Every scheme.
    pub const ALL: &'static [Self] = &[
        Self::Dpkg,
        Self::Apk,
        Self::Semver,
        Self::Pep440,
        Self::Rpm,
        Self::Alpm,
        Self::Maven,
        Self::Nuget,
        Self::Rubygems,
        Self::Packagist,
        Self::Cran,
        Self::Hackage,
        Self::Conan,
        Self::Pub,
        Self::Homebrew,
    ];

    /// The scheme of an ecosystem by OSV's name, release suffix or not (`Debian:12`); `None` where nothing says how its
    /// versions are ordered, so that records match by the versions that they list and by ranges without bounds:
    ///
    /// | ecosystem | why |
    /// |---|---|
    /// | `Android` | versions of the system and days of patches, side by side |
    /// | `FreeBSD` | ports, base system and kernel number differently, and no package of it is read |
    /// | `OSS-Fuzz` | each project numbers as it likes; its records list versions and commits |
    /// | `TuxCare` | packages of several distributions under one name |
    pub fn of_ecosystem(ecosystem: &str) -> Option<Self> {
        let base = crate::ecosystem::base(ecosystem);
        // These take over packages of others, and say whose (`Root:Debian:12`, `Docker Hardened Images:Alpine:3.23`).
        if matches!(base, "Root" | "Docker Hardened Images") {
            let whose = ecosystem.get(base.len() + 1..)?;
            return if whose.starts_with(base) { None } else { Self::of_ecosystem(whose) };
        }
        Some(match base {
            "Debian" | "Ubuntu" | "Echo" | "opam" => Self::Dpkg,
            "Alpine" | "Alpaquita" | "BellSoft Hardened Containers" | "Chainguard" | "MinimOS" | "Wolfi" => Self::Apk,
            "npm" | "Go" | "crates.io" | "Bitnami" | "Hex" | "SwiftURL" | "GitHub Actions" | "Julia" | "Kubernetes"
            | "VSCode" | "Linux" => Self::Semver,
            "PyPI" => Self::Pep440,
            "AlmaLinux" | "Azure Linux" | "CleanStart" | "Mageia" | "Photon OS" | "Red Hat" | "Rocky Linux"
            | "SUSE" | "openEuler" | "openSUSE" => Self::Rpm,
            "Arch Linux" => Self::Alpm,
            "Maven" => Self::Maven,
            "NuGet" => Self::Nuget,
            "RubyGems" => Self::Rubygems,
            "Packagist" => Self::Packagist,
            "CRAN" | "Bioconductor" => Self::Cran,
            "Hackage" | "GHC" => Self::Hackage,
            "ConanCenter" => Self::Conan,
            "Pub" => Self::Pub,
            "Homebrew" => Self::Homebrew,
            _ => return None,
        })
    }

    /// Compares two versions; `None` where the scheme cannot read one of them.
    pub fn compare(self, left: &str, right: &str) -> Option<Ordering> {
        match self {
            Self::Dpkg => dpkg::compare(left, right),
            Self::Apk => apk::compare(left, right),
            Self::Semver => semver::compare(left, right),
            Self::Pep440 => pep440::compare(left, right),
            Self::Rpm => Some(rpm::compare(left, right)),
            Self::Alpm => Some(alpm::compare(left, right)),
            Self::Maven => Some(maven::compare(left, right)),
            Self::Nuget => nuget::compare(left, right),
            Self::Rubygems => rubygems::compare(left, right),
            Self::Packagist => Some(packagist::compare(left, right)),
            Self::Cran => numbers::compare(left, right, &['.', '-']),
            Self::Hackage => numbers::compare(left, right, &['.']),
            Self::Conan => Some(conan::compare(left, right)),
            Self::Pub => pub_dev::compare(left, right),
            Self::Homebrew => homebrew::compare(left, right),
        }
    }

    /// Whether the scheme can read a version.
    pub fn orders(self, version: &str) -> bool {
        self.compare(version, version).is_some()
    }

    /// Whether a version may bound a range: one that the scheme's definition knows. Beyond these [`Self::compare`] orders
    /// what came before PEP 440, ahead of everything, which would make a fix of `0.2.0-n653` one of every version.
    pub fn may_bound(self, version: &str) -> bool {
        match self {
            Self::Pep440 => pep440::is_version(version),
            _ => self.orders(version),
        }
    }

    /// Whether two texts are the same version: written alike, or equal in the scheme's order.
    pub fn same(self, left: &str, right: &str) -> bool {
        left == right || (self.may_be_same(left, right) && self.compare(left, right) == Some(Ordering::Equal))
    }

    /// A cheap no for most pairs, since records list hundreds of versions: equal versions have the same digits but for
    /// zeros.
    fn may_be_same(self, left: &str, right: &str) -> bool {
        match self {
            Self::Dpkg | Self::Pep440 | Self::Cran | Self::Hackage => digits::nonzero(left).eq(digits::nonzero(right)),
            Self::Semver => {
                // A build's digits do not count.
                let counted = |text| digits::nonzero(str::split(text, '+').next().unwrap_or_default());
                counted(left).eq(counted(right))
            }
            // Others have digits that do not count in places that only they know.
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ecosystem_that_osv_defines_has_an_order_or_a_reason_why_not() {
        let without: Vec<&str> = crate::ecosystem::DEFINED
            .iter()
            .copied()
            .filter(|ecosystem| Scheme::of_ecosystem(ecosystem).is_none())
            .collect();
        // Those of the table above, and those that need the name of whose packages they take over.
        assert_eq!(without, ["Android", "Docker Hardened Images", "FreeBSD", "OSS-Fuzz", "Root", "TuxCare"]);
    }

    #[test]
    fn an_ecosystem_is_known_with_and_without_its_release() {
        assert_eq!(Scheme::of_ecosystem("Debian:12"), Some(Scheme::Dpkg));
        assert_eq!(Scheme::of_ecosystem("Ubuntu:Pro:18.04:LTS"), Some(Scheme::Dpkg));
        assert_eq!(Scheme::of_ecosystem("PyPI"), Some(Scheme::Pep440));
        assert_eq!(Scheme::of_ecosystem("Root:Alpine:3.18"), Some(Scheme::Apk));
        assert_eq!(Scheme::of_ecosystem("Root:PyPI"), Some(Scheme::Pep440));
        assert_eq!(Scheme::of_ecosystem("Docker Hardened Images:Debian:trixie"), Some(Scheme::Dpkg));
        for nothing in ["Debian2", "Root", "Root:", "Root:Root:Debian", "Docker Hardened Images"] {
            assert_eq!(Scheme::of_ecosystem(nothing), None, "{nothing}");
        }
    }
}
