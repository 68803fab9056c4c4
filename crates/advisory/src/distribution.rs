//! Which of OSV's ecosystems a distribution's release is, and whose a package is that its package manager installed.
//!
//! | distribution | ecosystem | name that its records have |
//! |---|---|---|
//! | Debian, Ubuntu, Echo | `Debian:12`, `Ubuntu:24.04:LTS`, `Echo` | source package |
//! | Alpine, Alpaquita | `Alpine:v3.20`, `Alpaquita:stream` | source package (origin) |
//! | Wolfi, Chainguard, MinimOS | `Wolfi`, … | package and origin |
//! | AlmaLinux, Red Hat | `AlmaLinux:9`, `Red Hat:enterprise_linux:9` | package |
//! | Rocky Linux, SUSE, openSUSE, openEuler, Mageia, Azure Linux | `Rocky Linux:9`, `SUSE:Linux Enterprise Server 15 SP5`, `openSUSE:Leap 15.6`, `openEuler:24.03-LTS`, `Mageia:9`, `Azure Linux:3` | source package |
//! | Photon, CleanStart | `Photon OS:5.0`, `CleanStart` | package, and its source where OSV's data have that |
//!
//! The names are those of OSV's schema 1.7 ("Defined ecosystems"), the releases as its data write them. What AlmaLinux's
//! data name are packages, whatever the schema says. Amazon Linux, Oracle Linux, Fedora, CentOS and Arch have none: what
//! is known of another distribution's builds says nothing about theirs.

use inventory::{Package, PackageKind, Release};

use crate::ecosystem::Home;

/// Where advisories for a distribution's package would stand.
pub(crate) fn home(package: &Package, release: Option<&Release>) -> Home {
    if let Some(builder) = other_builder(package, release) {
        return Home { ecosystem: builder.to_owned(), in_osv: false };
    }
    let known = release.and_then(|release| match package.kind {
        PackageKind::Deb => deb(release),
        PackageKind::Apk => apk(release),
        PackageKind::Rpm => rpm(release),
        _ => None,
    });
    match known {
        Some(ecosystem) => Home { ecosystem, in_osv: true },
        None => foreign(package.kind, release),
    }
}

/// Who built a package, where that is not the image's distribution: its advisories would be wrong both ways.
///
/// dpkg's packages have a vendor only where it is another one. rpm's say who built them; one that says nothing is taken
/// for the distribution's, as is every one where it is not known how the distribution calls itself.
fn other_builder<'a>(package: &'a Package, release: Option<&Release>) -> Option<&'a str> {
    let vendor = package.vendor.as_deref()?;
    match package.kind {
        PackageKind::Deb | PackageKind::Apk => Some(vendor),
        PackageKind::Rpm => {
            let lower = vendor.to_lowercase();
            let own = own_vendors(&release?.id);
            (!own.is_empty() && !own.iter().any(|own| lower.starts_with(own))).then_some(vendor)
        }
        _ => None,
    }
}

/// How a distribution calls itself in rpm's `Vendor`, in lower case; the beginning counts.
fn own_vendors(id: &str) -> &'static [&'static str] {
    match id {
        "rhel" => &["red hat"],
        "centos" => &["centos", "red hat"],
        "fedora" => &["fedora project", "koji"],
        "almalinux" => &["almalinux", "almalinux os"],
        "rocky" => &["rocky", "resf"],
        "ol" => &["oracle"],
        "amzn" => &["amazon"],
        "azurelinux" | "mariner" => &["microsoft"],
        "photon" => &["vmware", "broadcom"],
        "mageia" => &["mageia"],
        "openeuler" => &["http://openeuler.org", "https://openeuler.org", "openeuler"],
        id if is_suse(id) => &["suse", "opensuse", "novell"],
        _ => &[],
    }
}

fn is_suse(id: &str) -> bool {
    id.starts_with("opensuse") || id.starts_with("sle") || id.starts_with("sl-") || id == "suse"
}

/// A derivative builds packages of its own: its parent's advisories would be wrong both ways.
fn foreign(kind: PackageKind, release: Option<&Release>) -> Home {
    let ecosystem = match release {
        Some(release) if !release.version_id.is_empty() => format!("{}:{}", release.id, release.version_id),
        Some(release) if !release.id.is_empty() => release.id.clone(),
        _ => {
            let format = match kind {
                PackageKind::Deb => "dpkg",
                PackageKind::Alpm => "pacman",
                other => other.name(),
            };
            format!("{format} packages of an unnamed distribution")
        }
    };
    Home { ecosystem, in_osv: false }
}

fn deb(release: &Release) -> Option<String> {
    Some(match release.id.as_str() {
        "debian" => debian(release),
        "ubuntu" => ubuntu(release),
        "echo" => "Echo".into(),
        _ => return None,
    })
}

fn apk(release: &Release) -> Option<String> {
    Some(match release.id.as_str() {
        "alpine" => alpine(release),
        "wolfi" => "Wolfi".into(),
        "chainguard" => "Chainguard".into(),
        "minimos" => "MinimOS".into(),
        // `BellSoft Alpaquita Linux Stream 23 (musl)` has a number too.
        "alpaquita" => match (release.version_id.as_str(), release.pretty_name.as_deref().unwrap_or_default()) {
            (version, pretty) if version.is_empty() || pretty.contains("Stream") => "Alpaquita:stream".into(),
            (version, _) => format!("Alpaquita:{version}"),
        },
        _ => return None,
    })
}

fn rpm(release: &Release) -> Option<String> {
    let version = release.version_id.as_str();
    let major = version.split('.').next().unwrap_or_default();
    Some(match release.id.as_str() {
        "almalinux" => format!("AlmaLinux:{major}"),
        "rocky" => format!("Rocky Linux:{major}"),
        // Which of its products a record is about: see `places` and `qualifier::red_hat`.
        "rhel" => format!("Red Hat:enterprise_linux:{major}"),
        "azurelinux" | "mariner" => format!("Azure Linux:{major}"),
        "photon" => format!("Photon OS:{version}"),
        "mageia" => format!("Mageia:{version}"),
        "openeuler" => format!("openEuler:{}", openeuler(release)),
        "cleanstart" => "CleanStart".into(),
        "opensuse-tumbleweed" => "openSUSE:Tumbleweed".into(),
        "opensuse-leap" | "opensuse" => format!("openSUSE:Leap {version}"),
        "opensuse-leap-micro" => format!("openSUSE:Leap Micro {version}"),
        "sles" => format!("SUSE:Linux Enterprise Server {}", service_pack(version)),
        "sles_sap" => format!("SUSE:Linux Enterprise Server for SAP Applications {}", service_pack(version)),
        "sled" => format!("SUSE:Linux Enterprise Desktop {}", service_pack(version)),
        "sle_hpc" | "sle-hpc" => format!("SUSE:Linux Enterprise High Performance Computing {}", service_pack(version)),
        "sle-micro" | "sle-micro-rancher" => format!("SUSE:Linux Enterprise Micro {version}"),
        "sl-micro" => format!("SUSE:Linux Micro {version}"),
        _ => return None,
    })
}

/// `15.5` is `15 SP5` up to release 15; release 16 is numbered as it is written.
fn service_pack(version: &str) -> String {
    match version.split_once('.') {
        Some((major, _)) if major.parse::<u32>().is_ok_and(|major| major > 15) => version.into(),
        Some((major, "0")) => major.into(),
        Some((major, pack)) => format!("{major} SP{pack}"),
        None => version.into(),
    }
}

/// `openEuler 24.03 (LTS-SP1)` is `24.03-LTS-SP1`; the pretty name alone says it.
fn openeuler(release: &Release) -> String {
    let pretty = release.pretty_name.as_deref().unwrap_or_default();
    let kind = pretty.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(kind, _)| kind);
    match kind.filter(|kind| kind.starts_with("LTS")) {
        Some(kind) => format!("{}-{kind}", release.version_id),
        None => release.version_id.to_uppercase(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn release(id: &str, version: &str) -> Release {
        Release { id: id.into(), version_id: version.into(), ..Release::default() }
    }

    fn home_of(kind: PackageKind, release: &Release) -> Home {
        home(&Package::new(kind, "a", "1"), Some(release))
    }

    #[test]
    fn each_distributions_release_has_osvs_name() {
        use PackageKind::{Apk, Deb, Rpm};
        for (kind, id, version, ecosystem) in [
            (Deb, "debian", "12", "Debian:12"),
            (Deb, "debian", "12.5", "Debian:12"),
            (Deb, "debian", "", "Debian:sid"),
            (Deb, "ubuntu", "24.04", "Ubuntu:24.04:LTS"),
            (Deb, "ubuntu", "24.10", "Ubuntu:24.10"),
            (Deb, "ubuntu", "23.04", "Ubuntu:23.04"),
            (Deb, "echo", "1", "Echo"),
            (Apk, "alpine", "3.10.4", "Alpine:v3.10"),
            (Apk, "alpine", "3.23.0_alpha20250612", "Alpine:edge"),
            (Apk, "wolfi", "20230201", "Wolfi"),
            (Apk, "alpaquita", "23", "Alpaquita:23"),
            (Rpm, "almalinux", "9.4", "AlmaLinux:9"),
            (Rpm, "rocky", "9.3", "Rocky Linux:9"),
            (Rpm, "rhel", "8.10", "Red Hat:enterprise_linux:8"),
            (Rpm, "azurelinux", "3.0", "Azure Linux:3"),
            (Rpm, "mariner", "2.0", "Azure Linux:2"),
            (Rpm, "photon", "5.0", "Photon OS:5.0"),
            (Rpm, "mageia", "9", "Mageia:9"),
            (Rpm, "opensuse-leap", "15.6", "openSUSE:Leap 15.6"),
            (Rpm, "opensuse-tumbleweed", "20261101", "openSUSE:Tumbleweed"),
            (Rpm, "sles", "15.5", "SUSE:Linux Enterprise Server 15 SP5"),
            (Rpm, "sles", "15", "SUSE:Linux Enterprise Server 15"),
            (Rpm, "sles", "16.0", "SUSE:Linux Enterprise Server 16.0"),
            (Rpm, "sle-micro", "5.5", "SUSE:Linux Enterprise Micro 5.5"),
            (Rpm, "openeuler", "24.03-lts", "openEuler:24.03-LTS"),
        ] {
            let home = home_of(kind, &release(id, version));
            assert_eq!((home.ecosystem.as_str(), home.in_osv), (ecosystem, true));
            assert!(crate::ecosystem::is_defined(&home.ecosystem), "{ecosystem}");
        }
    }

    #[test]
    fn what_only_the_pretty_name_or_codename_says_counts() {
        let pretty = |id, version, pretty: &str| Release { pretty_name: Some(pretty.into()), ..release(id, version) };
        let openeuler = |name| home_of(PackageKind::Rpm, &pretty("openeuler", "24.03", name)).ecosystem;
        assert_eq!(openeuler("openEuler 24.03 (LTS-SP1)"), "openEuler:24.03-LTS-SP1");
        assert_eq!(openeuler("openEuler 24.03 (LTS)"), "openEuler:24.03-LTS");
        assert_eq!(openeuler("openEuler 24.03"), "openEuler:24.03");
        let stream = pretty("alpaquita", "23", "BellSoft Alpaquita Linux Stream 23 (musl)");
        assert_eq!(home_of(PackageKind::Apk, &stream).ecosystem, "Alpaquita:stream");
        let forky = Release { codename: Some("forky".into()), ..release("debian", "") };
        assert_eq!(home_of(PackageKind::Deb, &forky).ecosystem, "Debian:14");
    }

    #[test]
    fn a_distribution_that_osv_does_not_have_is_no_other() {
        for (kind, id, version, name) in [
            (PackageKind::Deb, "raspbian", "12", "raspbian:12"),
            (PackageKind::Rpm, "fedora", "41", "fedora:41"),
            (PackageKind::Rpm, "centos", "7", "centos:7"),
            (PackageKind::Rpm, "ol", "9.4", "ol:9.4"),
            (PackageKind::Rpm, "amzn", "2023", "amzn:2023"),
            (PackageKind::Alpm, "arch", "", "arch"),
        ] {
            let home = home_of(kind, &release(id, version));
            assert_eq!(home, Home { ecosystem: name.into(), in_osv: false });
        }
        assert!(!home(&Package::new(PackageKind::Apk, "a", "1"), None).in_osv);
        // A package manager that the distribution does not use.
        assert!(!home_of(PackageKind::Rpm, &release("debian", "12")).in_osv);
    }

    #[test]
    fn a_package_that_another_built_is_of_that_builder() {
        use PackageKind::{Deb, Rpm};
        let built = |kind, vendor: &str, id: &str, version: &str| {
            let package = Package { vendor: Some(vendor.into()), ..Package::new(kind, "a", "1") };
            home(&package, Some(&release(id, version))).ecosystem
        };
        assert_eq!(built(Deb, "NodeSource", "debian", "12"), "NodeSource");
        assert_eq!(built(Rpm, "Red Hat, Inc.", "rhel", "9.4"), "Red Hat:enterprise_linux:9");
        assert_eq!(built(Rpm, "Fedora Project", "rhel", "9.4"), "Fedora Project");
        assert_eq!(built(Rpm, "AlmaLinux", "almalinux", "9.4"), "AlmaLinux:9");
        assert_eq!(built(Rpm, "Docker", "almalinux", "9.4"), "Docker");
        assert_eq!(built(Rpm, "Rocky Enterprise Software Foundation", "rocky", "9.4"), "Rocky Linux:9");
        assert_eq!(built(Rpm, "SUSE LLC <https://www.suse.com/>", "opensuse-leap", "15.6"), "openSUSE:Leap 15.6");
        assert_eq!(built(Rpm, "Microsoft Corporation", "mariner", "2.0"), "Azure Linux:2");
        assert_eq!(built(Rpm, "Somebody", "somelinux", "1"), "somelinux:1");
    }
}
