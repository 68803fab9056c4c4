//! OSV's ecosystems: their names, how they write package names, and in which one a package of an image is at home.

use std::borrow::Cow;
use std::collections::BTreeSet;

use inventory::{Inventory, Package, PackageKind, Release};

/// Whether a source puts the CVEs that its advisories are about among `related`. OSV means other things by that field, so
/// it is followed for these only: AlmaLinux and Rocky Linux to this day, the others in records from before `upstream`.
pub(crate) fn tells_cves_as_related(ecosystem: &str) -> bool {
    matches!(
        base(ecosystem),
        "AlmaLinux"
            | "Rocky Linux"
            | "Red Hat"
            | "SUSE"
            | "openSUSE"
            | "Mageia"
            | "openEuler"
            | "Ubuntu"
            | "Chainguard"
    )
}

/// The name without release (`Debian:12` is `Debian`).
pub fn base(ecosystem: &str) -> &str {
    ecosystem.split_once(':').map_or(ecosystem, |(base, _)| base)
}

/// The ecosystems that OSV's schema 1.7 defines, without their releases.
pub const DEFINED: &[&str] = &[
    "AlmaLinux",
    "Alpaquita",
    "Alpine",
    "Android",
    "Azure Linux",
    "BellSoft Hardened Containers",
    "Bioconductor",
    "Bitnami",
    "CRAN",
    "Chainguard",
    "CleanStart",
    "ConanCenter",
    "Debian",
    "Docker Hardened Images",
    "Echo",
    "FreeBSD",
    "GHC",
    "GitHub Actions",
    "Go",
    "Hackage",
    "Hex",
    "Julia",
    "Kubernetes",
    "Linux",
    "Mageia",
    "Maven",
    "MinimOS",
    "NuGet",
    "OSS-Fuzz",
    "Packagist",
    "Photon OS",
    "Pub",
    "PyPI",
    "Red Hat",
    "Rocky Linux",
    "Root",
    "RubyGems",
    "SUSE",
    "SwiftURL",
    "TuxCare",
    "Ubuntu",
    "VSCode",
    "Wolfi",
    "crates.io",
    "npm",
    "opam",
    "openEuler",
    "openSUSE",
];

/// Whether OSV defines an ecosystem, release included or not, so that osv.dev may have records of it.
pub fn is_defined(ecosystem: &str) -> bool {
    DEFINED.contains(&base(ecosystem))
}

/// A package name as it is looked up: normalised where the ecosystem says how.
///
/// NuGet and Packagist take a name in any case for the same package, and records have it as its author wrote it. All
/// others tell names apart as they are: npm has `JSONStream` and `jsonstream`, Go `Azure` and `azure`; crates.io takes
/// `-` for `_` when a crate is published, and every index and lock file has the name as it was.
pub fn normalise<'a>(ecosystem: &str, name: &'a str) -> Cow<'a, str> {
    match base(ecosystem) {
        "PyPI" => normalise_pep503(name),
        "NuGet" | "Packagist" => lower_case(name),
        _ => Cow::Borrowed(name),
    }
}

fn lower_case(name: &str) -> Cow<'_, str> {
    if name.chars().any(char::is_uppercase) { Cow::Owned(name.to_lowercase()) } else { Cow::Borrowed(name) }
}

/// Lower case, runs of `-`, `_` and `.` as one `-` (PEP 503).
fn normalise_pep503(name: &str) -> Cow<'_, str> {
    let is_normal = |pair: [u8; 2]| pair != *b"--" && !matches!(pair[1], b'_' | b'.' | b'A'..=b'Z');
    let before = std::iter::once(b' ').chain(name.bytes());
    if before.zip(name.bytes()).all(|(before, byte)| is_normal([before, byte])) {
        return Cow::Borrowed(name);
    }
    let mut normal = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            other => normal.push(other.to_ascii_lowercase()),
        }
    }
    Cow::Owned(normal)
}

/// Where advisories for a package would stand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Home {
    /// The ecosystem with its release (`Debian:12`, `PyPI`); for a distribution that OSV does not have its own name.
    pub ecosystem: String,
    /// Whether OSV has that ecosystem.
    pub in_osv: bool,
}

/// Where advisories for a package would stand.
pub fn home(package: &Package, release: Option<&Release>) -> Home {
    // What an archive is called says nothing without its group: many projects call one `core` or `utils`.
    if package.kind == PackageKind::Maven && !package.name.contains(':') {
        return Home { ecosystem: "Java archives of an unknown group".into(), in_osv: false };
    }
    home_of_kind(package.kind, release)
}

fn home_of_kind(kind: PackageKind, release: Option<&Release>) -> Home {
    let known = |ecosystem: String| Home { ecosystem, in_osv: true };
    match kind {
        PackageKind::Pypi => known("PyPI".into()),
        PackageKind::Npm => known("npm".into()),
        PackageKind::Gem => known("RubyGems".into()),
        PackageKind::Maven => known("Maven".into()),
        PackageKind::Golang => known("Go".into()),
        PackageKind::Cargo => known("crates.io".into()),
        PackageKind::Composer => known("Packagist".into()),
        PackageKind::Nuget => known("NuGet".into()),
        PackageKind::Conda => Home { ecosystem: "conda".into(), in_osv: false },
        PackageKind::Rpm => match release {
            Some(release) if release.id == "almalinux" => {
                known(format!("AlmaLinux:{}", release.version_id.split('.').next().unwrap_or_default()))
            }
            other => foreign(other, "rpm"),
        },
        PackageKind::Alpm => foreign(release, "pacman"),
        PackageKind::Deb => match release {
            Some(release) if release.id == "debian" => known(debian(release)),
            Some(release) if release.id == "ubuntu" => known(ubuntu(release)),
            other => foreign(other, "dpkg"),
        },
        PackageKind::Apk => match release {
            Some(release) if release.id == "alpine" => known(alpine(release)),
            Some(release) if release.id == "wolfi" => known("Wolfi".into()),
            Some(release) if release.id == "chainguard" => known("Chainguard".into()),
            Some(release) if release.id == "minimos" => known("MinimOS".into()),
            other => foreign(other, "apk"),
        },
    }
}

/// A derivative builds packages of its own: its parent's advisories would be wrong both ways.
fn foreign(release: Option<&Release>, format: &str) -> Home {
    let ecosystem = match release {
        Some(release) if !release.version_id.is_empty() => format!("{}:{}", release.id, release.version_id),
        Some(release) if !release.id.is_empty() => release.id.clone(),
        _ => format!("{format} packages of an unnamed distribution"),
    };
    Home { ecosystem, in_osv: false }
}

/// Testing and unstable say no version; their codename's number is the release that advisories count them to.
fn debian(release: &Release) -> String {
    let major = release.version_id.split('.').next().unwrap_or_default();
    let codename = release.codename.as_deref().unwrap_or_default();
    match (major, codename) {
        ("", "trixie") => "Debian:13".into(),
        ("", "forky") => "Debian:14".into(),
        ("", "duke") => "Debian:15".into(),
        ("", _) => "Debian:sid".into(),
        (major, _) => format!("Debian:{major}"),
    }
}

/// Releases of April in even years have long-term support. Ubuntu Pro (`Ubuntu:Pro:…`) is another ecosystem: its
/// fixes are not in what an image without a subscription can install.
fn ubuntu(release: &Release) -> String {
    let version = &release.version_id;
    let is_long_term = version
        .split_once('.')
        .is_some_and(|(year, month)| month == "04" && year.parse::<u32>().is_ok_and(|year| year % 2 == 0));
    format!("Ubuntu:{version}{}", if is_long_term { ":LTS" } else { "" })
}

/// `3.19.1` is of branch `v3.19`; edge has a date behind its version and no branch.
fn alpine(release: &Release) -> String {
    let mut parts = release.version_id.split('.');
    match (parts.next(), parts.next(), release.version_id.contains('_')) {
        (Some(major), Some(minor), false) => format!("Alpine:v{major}.{minor}"),
        _ => "Alpine:edge".into(),
    }
}

/// What a package is called and numbered in its ecosystem's advisories.
pub(crate) struct Known<'a> {
    /// The names to look up, normalised.
    pub(crate) names: Vec<Cow<'a, str>>,
    /// The version to judge.
    pub(crate) version: &'a str,
}

/// Distributions tell of source packages; some of Alpine's kin tell of binary packages too.
pub(crate) fn known_as<'a>(home: &Home, package: &'a Package) -> Known<'a> {
    let binary = normalise(&home.ecosystem, &package.name);
    match (base(&home.ecosystem), &package.source) {
        ("Debian" | "Ubuntu" | "Alpine", Some(source)) => {
            Known { names: vec![Cow::Borrowed(&source.name)], version: &source.version }
        }
        ("Wolfi" | "Chainguard" | "MinimOS", Some(source)) if source.name != package.name => {
            Known { names: vec![binary, Cow::Borrowed(&source.name)], version: &package.version }
        }
        _ => Known { names: vec![binary], version: &package.version },
    }
}

/// The ecosystems (without release) that advisories are needed of to judge an image, sorted.
pub fn ecosystems_needed(inventory: &Inventory) -> Vec<String> {
    let bases = homes(inventory).into_iter().filter(|home| home.in_osv);
    let bases: BTreeSet<String> = bases.map(|home| base(&home.ecosystem).to_owned()).collect();
    bases.into_iter().collect()
}

/// Where the packages of an image are at home, each once.
pub(crate) fn homes(inventory: &Inventory) -> BTreeSet<Home> {
    let release = inventory.release.as_ref();
    let kinds: BTreeSet<PackageKind> = inventory.packages.iter().map(|located| located.package.kind).collect();
    kinds.into_iter().map(|kind| home_of_kind(kind, release)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(id: &str, version: &str, codename: Option<&str>) -> Release {
        Release { id: id.into(), version_id: version.into(), codename: codename.map(Into::into), ..Release::default() }
    }

    fn package(kind: PackageKind) -> Package {
        Package::new(kind, "a", "1")
    }

    #[test]
    fn each_distributions_release_has_osvs_name() {
        for (kind, id, version, codename, ecosystem) in [
            (PackageKind::Deb, "debian", "12", Some("bookworm"), "Debian:12"),
            (PackageKind::Deb, "debian", "12.5", Some("bookworm"), "Debian:12"),
            (PackageKind::Deb, "debian", "", Some("forky"), "Debian:14"),
            (PackageKind::Deb, "debian", "", None, "Debian:sid"),
            (PackageKind::Deb, "ubuntu", "24.04", Some("noble"), "Ubuntu:24.04:LTS"),
            (PackageKind::Deb, "ubuntu", "24.10", None, "Ubuntu:24.10"),
            (PackageKind::Deb, "ubuntu", "23.04", None, "Ubuntu:23.04"),
            (PackageKind::Apk, "alpine", "3.10.4", None, "Alpine:v3.10"),
            (PackageKind::Apk, "alpine", "3.23.0_alpha20250612", None, "Alpine:edge"),
            (PackageKind::Apk, "wolfi", "20230201", None, "Wolfi"),
        ] {
            let home = home(&package(kind), Some(&release(id, version, codename)));
            assert_eq!((home.ecosystem.as_str(), home.in_osv), (ecosystem, true));
        }
    }

    #[test]
    fn a_derivative_is_not_its_parent() {
        let home = home(&package(PackageKind::Deb), Some(&release("raspbian", "12", Some("bookworm"))));
        assert_eq!(home, Home { ecosystem: "raspbian:12".into(), in_osv: false });
        assert!(!super::home(&package(PackageKind::Apk), None).in_osv);
    }

    #[test]
    fn case_does_not_matter_where_the_ecosystem_says_so() {
        assert_eq!(normalise("NuGet", "Newtonsoft.Json"), "newtonsoft.json");
        assert_eq!(normalise("Packagist", "Symfony/HTTP-Kernel"), "symfony/http-kernel");
        assert_eq!(normalise("npm", "JSONStream"), "JSONStream");
        assert_eq!(normalise("Go", "github.com/Azure/go-autorest"), "github.com/Azure/go-autorest");
        assert_eq!(normalise("crates.io", "serde_json"), "serde_json");
        assert_eq!(normalise("Maven", "org.apache.xmlgraphics:FOP"), "org.apache.xmlgraphics:FOP");
    }

    #[test]
    fn an_artifact_without_a_group_has_no_advisories() {
        let home = |name| home(&Package::new(PackageKind::Maven, name, "1"), None);
        assert!(home("org.example:thing").in_osv);
        assert!(!home("thing").in_osv);
    }

    #[test]
    fn python_names_are_normalised_and_others_are_not() {
        for (name, normal) in
            [("Django", "django"), ("zope.interface", "zope-interface"), ("a__b.-C", "a-b-c"), ("a-b", "a-b")]
        {
            assert_eq!(normalise("PyPI", name), normal);
            assert_eq!(normalise("npm", name), name);
        }
    }
}
