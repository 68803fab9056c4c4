//! Packages of distributions, judged under the names that their advisories use, and those of other builders not at all.

use advisory::{Index, Verdict};
use inventory::package::SourcePackage;
use inventory::{Package, PackageKind, Release};

use crate::support::{Library, package};

fn of(text: &str) -> Release {
    Release::parse_override(text).expect("a release")
}

fn ids(index: &Index, package: &Package, release: &str) -> Option<Vec<String>> {
    match index.verdict(package, Some(&of(release))).expect("a sound index") {
        Verdict::Covered(matches) => Some(matches.into_iter().map(|found| found.id).collect()),
        Verdict::Unknown { .. } => None,
    }
}

fn record(id: &str, ecosystem: &str, name: &str, fixed: &str) -> String {
    format!(
        r#"{{"id": "{id}", "modified": "2026-01-01T00:00:00Z", "affected": [{{"package": {{"ecosystem": "{ecosystem}",
        "name": "{name}"}}, "ranges": [{{"type": "ECOSYSTEM", "events": [{{"introduced": "0"}}, {{"fixed": "{fixed}"}}]}}]}}]}}"#
    )
}

fn rpm(name: &str, version: &str, source: (&str, &str), vendor: &str) -> Package {
    let source = SourcePackage { name: source.0.into(), version: source.1.into() };
    let vendor = Some(vendor.to_owned());
    Package { source: Some(source), vendor, ..Package::new(PackageKind::Rpm, name, version) }
}

#[test]
fn another_builders_package_is_unknown_and_never_the_distributions() {
    let library = Library::of(&[
        &record("DSA-1", "Debian:12", "postgresql-16", "99"),
        &record("ALSA-1", "AlmaLinux:9", "nginx", "99"),
    ]);
    let own = package(PackageKind::Deb, "postgresql-16", "16.1-1", Some(("postgresql-16", "16.1-1")));
    assert_eq!(ids(&library.index, &own, "debian:12"), Some(vec!["DSA-1".to_owned()]));
    let theirs = Package { vendor: Some("PostgreSQL Global Development Group".into()), ..own };
    let verdict = library.index.verdict(&theirs, Some(&of("debian:12"))).expect("sound");
    assert_eq!(verdict, Verdict::Unknown { ecosystem: "PostgreSQL Global Development Group".into() });
    let nginx = |vendor| rpm("nginx", "1.24-1.el9", ("nginx", "1.24-1.el9"), vendor);
    assert_eq!(ids(&library.index, &nginx("AlmaLinux"), "almalinux:9.4"), Some(vec!["ALSA-1".to_owned()]));
    assert_eq!(ids(&library.index, &nginx("nginx.org"), "almalinux:9.4"), None);
    assert_eq!(ids(&library.index, &nginx("Fedora Project"), "almalinux:9.4"), None, "EPEL is Fedora's");
}

#[test]
fn a_source_packages_advisory_judges_each_package_by_the_sources_version() {
    let library = Library::of(&[&record("RLSA-1", "Rocky Linux:9", "perl", "4:5.32.1-481.el9")]);
    let errno = |source| rpm("perl-Errno", "1.30-480.el9", ("perl", source), "Rocky Enterprise Software Foundation");
    assert_eq!(ids(&library.index, &errno("4:5.32.1-480.el9"), "rocky:9.3"), Some(vec!["RLSA-1".to_owned()]));
    assert_eq!(ids(&library.index, &errno("4:5.32.1-481.el9"), "rocky:9.3"), Some(vec![]));
    assert_eq!(ids(&library.index, &errno("4:5.32.1-480.el9"), "rocky:8.9"), None, "nothing is loaded for it");
}

#[test]
fn a_missing_epoch_is_zero_on_both_sides() {
    let library = Library::of(&[
        &record("A-1", "AlmaLinux:9", "a", "1.5-1.el9"),
        &record("B-1", "AlmaLinux:9", "b", "0:1.5-1.el9"),
        &record("C-1", "AlmaLinux:9", "c", "1:1.5-1.el9"),
    ]);
    let found = |name: &str, version: &str| {
        let package = rpm(name, version, (name, version), "AlmaLinux");
        !ids(&library.index, &package, "almalinux:9").expect("covered").is_empty()
    };
    for name in ["a", "b"] {
        assert!(found(name, "1.4-1.el9"));
        assert!(!found(name, "1.5-1.el9") && !found(name, "1:1.4-1.el9"));
    }
    assert!(found("c", "1.9-1.el9") && !found("c", "1:1.5-1.el9"));
}

#[test]
fn packages_of_suse_come_out_of_modules_and_live_on_in_long_term_support() {
    let library = Library::of(&[
        &record("SUSE-SU-1", "SUSE:Linux Enterprise Module for Basesystem 15 SP5", "curl", "8.0.1-150400.5.20.1"),
        &record("SUSE-SU-2", "SUSE:Linux Enterprise Server 15 SP5-LTSS", "curl", "8.0.1-150400.5.30.1"),
        &record("SUSE-SU-3", "SUSE:Linux Enterprise Module for Basesystem 15 SP6", "curl", "99"),
        &record("SUSE-SU-4", "SUSE:Linux Enterprise Micro 5.5", "curl", "99"),
        &record("openSUSE-SU-1", "openSUSE:Leap 15.5", "curl", "99"),
    ]);
    let libcurl = |version| rpm("libcurl4", version, ("curl", version), "SUSE LLC <https://www.suse.com/>");
    let found = |version, release| ids(&library.index, &libcurl(version), release);
    let both = vec!["SUSE-SU-1".to_owned(), "SUSE-SU-2".to_owned()];
    assert_eq!(found("8.0.1-150400.5.10.1", "sles:15.5"), Some(both));
    assert_eq!(found("8.0.1-150400.5.20.1", "sles:15.5"), Some(vec!["SUSE-SU-2".to_owned()]));
    assert_eq!(found("8.0.1-150400.5.10.1", "sle-micro:5.5"), Some(vec!["SUSE-SU-4".to_owned()]));
    assert_eq!(found("8.0.1-150400.5.10.1", "opensuse-leap:15.5"), Some(vec!["openSUSE-SU-1".to_owned()]));
    assert_eq!(found("8.0.1-150400.5.10.1", "sles:15.4"), None);
}

#[test]
fn distributions_without_an_ecosystem_are_unknown_whatever_is_loaded() {
    let library = Library::of(&[
        &record("RHSA-1", "Red Hat:enterprise_linux:9::baseos", "curl", "99"),
        &record("RHSA-2", "Red Hat:enterprise_linux:2023::baseos", "curl", "99"),
    ]);
    let curl = |vendor| rpm("curl", "8-1", ("curl", "8-1"), vendor);
    assert_eq!(ids(&library.index, &curl("Red Hat, Inc."), "rhel:9.4"), Some(vec!["RHSA-1".to_owned()]));
    for (release, vendor) in [
        ("ol:9", "Oracle America"),
        ("amzn:2023", "Amazon Linux"),
        ("fedora:41", "Fedora Project"),
        ("centos:9", "CentOS"),
    ] {
        assert_eq!(ids(&library.index, &curl(vendor), release), None, "{release}");
    }
    let pacman = Package::new(PackageKind::Alpm, "curl", "8-1");
    assert_eq!(ids(&library.index, &pacman, "arch"), None);
}
