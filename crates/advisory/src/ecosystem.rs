//! OSV's ecosystems: their names, how they write package names, and in which one a package of an image is at home.

use std::borrow::Cow;
use std::collections::BTreeSet;

use inventory::{Inventory, Package, PackageKind, Release};

use crate::distribution;

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
    // Built into a program from a folder or a repository, a crate is not the one of its name on crates.io.
    if let (PackageKind::Cargo, Some(origin)) = (package.kind, &package.vendor) {
        return Home { ecosystem: format!("crates from {origin}"), in_osv: false };
    }
    // What an archive is called says nothing without its group: many projects call one `core` or `utils`.
    if package.kind == PackageKind::Maven && !package.name.contains(':') {
        return Home { ecosystem: "Java archives of an unknown group".into(), in_osv: false };
    }
    let known = |ecosystem: &str| Home { ecosystem: ecosystem.into(), in_osv: true };
    match package.kind {
        PackageKind::Pypi => known("PyPI"),
        PackageKind::Npm => known("npm"),
        PackageKind::Gem => known("RubyGems"),
        PackageKind::Maven => known("Maven"),
        PackageKind::Golang => known("Go"),
        PackageKind::Cargo => known("crates.io"),
        PackageKind::Composer => known("Packagist"),
        PackageKind::Nuget => known("NuGet"),
        PackageKind::Conda => Home { ecosystem: "conda".into(), in_osv: false },
        PackageKind::Deb | PackageKind::Apk | PackageKind::Rpm | PackageKind::Alpm => {
            distribution::home(package, release)
        }
    }
}

/// What a package is called and numbered in its ecosystem's advisories.
pub(crate) struct Known<'a> {
    /// The names to look up, normalised.
    pub(crate) names: Vec<Cow<'a, str>>,
    /// The version to judge.
    pub(crate) version: &'a str,
}

/// Most distributions tell of source packages, with the source's version, which a binary package may not share; some of
/// binary packages, and some of Alpine's kin of both.
pub(crate) fn known_as<'a>(home: &Home, package: &'a Package) -> Known<'a> {
    let binary = normalise(&home.ecosystem, &package.name);
    match (base(&home.ecosystem), &package.source) {
        (
            "Debian" | "Ubuntu" | "Echo" | "Alpine" | "Alpaquita" | "Rocky Linux" | "SUSE" | "openSUSE" | "openEuler"
            | "Mageia" | "Azure Linux",
            Some(source),
        ) => Known { names: vec![Cow::Borrowed(&source.name)], version: &source.version },
        ("Wolfi" | "Chainguard" | "MinimOS" | "Photon OS", Some(source)) if source.name != package.name => {
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
    inventory.packages.iter().map(|located| home(&located.package, release)).collect()
}

#[cfg(test)]
mod tests {
    use inventory::package::SourcePackage;

    use super::*;

    #[test]
    fn a_crate_from_elsewhere_is_not_the_one_of_crates_io() {
        let mut one = Package::new(PackageKind::Cargo, "a", "1");
        assert_eq!(home(&one, None), Home { ecosystem: "crates.io".into(), in_osv: true });
        one.vendor = Some("git".into());
        assert_eq!(home(&one, None), Home { ecosystem: "crates from git".into(), in_osv: false });
    }

    #[test]
    fn records_are_looked_up_by_the_name_that_the_ecosystem_uses() {
        let package = Package {
            source: Some(SourcePackage { name: "perl".into(), version: "4:5.32.1-481.el9".into() }),
            ..Package::new(PackageKind::Rpm, "perl-Errno", "1.30-481.el9")
        };
        let known = |ecosystem: &str| {
            let known = known_as(&Home { ecosystem: ecosystem.into(), in_osv: true }, &package);
            (known.names.iter().map(ToString::to_string).collect::<Vec<_>>(), known.version.to_owned())
        };
        for binary in ["AlmaLinux:9", "Red Hat:enterprise_linux:9"] {
            assert_eq!(known(binary), (vec!["perl-Errno".into()], "1.30-481.el9".into()));
        }
        for source in ["Rocky Linux:9", "SUSE:Linux Enterprise Server 15 SP5", "Azure Linux:3", "Mageia:9"] {
            assert_eq!(known(source), (vec!["perl".into()], "4:5.32.1-481.el9".into()));
        }
        assert_eq!(known("Photon OS:5.0").0, ["perl-Errno", "perl"]);
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
