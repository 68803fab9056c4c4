//! A report as a real image could give it.

use advisory::{IndexIdentity, Match, Severity, Verdict};
use findings::{About, Report};
use image::Digest;
use inventory::package::{Located, SourcePackage};
use inventory::{Inventory, Package, PackageKind, Release};

pub(crate) fn about() -> About {
    About {
        name: "registry.example.com/payments/api:1.4".into(),
        subject: findings::Subject::Image,
        digest: Digest::sha256(b"manifest"),
        platform: "linux/amd64".into(),
        scanned_at: "2026-11-25T09:00:00Z".into(),
        history: vec![Some("FROM debian:12".into()), None, Some("pip install -r requirements.txt".into())],
        layers_read: 2,
    }
}

pub(crate) fn inventory(packages: Vec<Located>) -> Inventory {
    Inventory {
        release: Some(Release {
            id: "debian".into(),
            version_id: "12".into(),
            codename: Some("bookworm".into()),
            id_like: Vec::new(),
            pretty_name: Some("Debian GNU/Linux 12 (bookworm)".into()),
        }),
        packages,
        layers: vec![Digest::sha256(b"0"), Digest::sha256(b"1"), Digest::sha256(b"2")],
        ..Inventory::default()
    }
}

pub(crate) fn identity() -> IndexIdentity {
    IndexIdentity { id: Digest::sha256(b"index").to_string(), built_at: "2026-11-22T08:00:00Z".into() }
}

pub(crate) fn located(kind: PackageKind, name: &str, version: &str, source: Option<&str>, layer: usize) -> Located {
    let source = source.map(|name| SourcePackage { name: name.into(), version: version.into() });
    let path = if kind == PackageKind::Deb { "/var/lib/dpkg/status".into() } else { format!("/usr/lib/{name}") };
    Located {
        package: Package {
            architecture: (kind == PackageKind::Deb).then(|| "amd64".into()),
            source,
            licences: vec!["MIT".into()],
            ..Package::new(kind, name, version)
        },
        purl: format!("pkg:{}/{name}@{version}", if kind == PackageKind::Deb { "deb/debian" } else { "pypi" }),
        path,
        layer,
        owner: None,
    }
}

pub(crate) fn matched(
    id: &str,
    aliases: &[&str],
    severity: Severity,
    score: Option<f32>,
    fixed: Option<&str>,
) -> Match {
    Match {
        id: id.into(),
        aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
        summary: format!("{id} is a vulnerability"),
        severity,
        score,
        severity_source: score.map(|_| "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H".into()),
        fixed: fixed.map(Into::into),
        ecosystem: "PyPI".into(),
        package: "jinja2".into(),
        url: format!("https://osv.dev/vulnerability/{id}"),
        modified: Some("2026-01-01T00:00:00Z".into()),
        ..Match::default()
    }
}

/// A handful of findings of every kind.
pub(crate) fn small() -> Report {
    let glibc = "2.36-9+deb12u7";
    let packages = vec![
        located(PackageKind::Deb, "libc6", glibc, Some("glibc"), 0),
        located(PackageKind::Deb, "zlib1g", "1:1.2.13.dfsg-1", Some("zlib"), 0),
        located(PackageKind::Pypi, "Jinja2", "2.4.1", None, 2),
        located(PackageKind::Npm, "left-pad", "1.0.0", None, 2),
    ];
    let verdicts = vec![
        Verdict::Covered(vec![
            Match {
                ecosystem: "Debian:12".into(),
                package: "glibc".into(),
                ..matched(
                    "DSA-5673-1",
                    &["CVE-2024-2961", "CVE-2024-33599"],
                    Severity::High,
                    None,
                    Some("2.36-9+deb12u8"),
                )
            },
            Match {
                ecosystem: "Debian:12".into(),
                package: "glibc".into(),
                ..matched("DEBIAN-CVE-2019-9192", &["CVE-2019-9192"], Severity::Negligible, Some(7.5), None)
            },
        ]),
        Verdict::Covered(Vec::new()),
        Verdict::Covered(vec![
            matched(
                "PYSEC-2019-220",
                &["CVE-2016-10745", "GHSA-hj2j-77xm-mc5v"],
                Severity::Critical,
                Some(9.8),
                Some("2.8.1"),
            ),
            matched("PYSEC-2014-8", &["CVE-2014-1402"], Severity::Unknown, None, Some("2.7.2")),
            matched("PYSEC-2021-66", &["CVE-2020-28493"], Severity::Medium, Some(5.3), Some("2.11.3")),
            matched("GHSA-hostile\u{1b}[2J", &[], Severity::Medium, Some(6.1), Some("3.0\u{202e}0.1")),
        ]),
        Verdict::Unknown { ecosystem: "npm".into() },
    ];
    Report::of_verdicts(about(), inventory(packages), identity(), verdicts)
}

/// Enough findings that nobody would read them one by one.
pub(crate) fn large() -> Report {
    let mut packages = Vec::new();
    let mut verdicts = Vec::new();
    for binary in ["linux-libc-dev", "linux-headers-6.1"] {
        packages.push(located(PackageKind::Deb, binary, "6.1.76-1", Some("linux"), 0));
        let matches = (0..50).map(|number| Match {
            ecosystem: "Debian:12".into(),
            package: "linux".into(),
            ..matched(
                &format!("DEBIAN-CVE-2024-{}", 26000 + number),
                &[&format!("CVE-2024-{}", 26000 + number)],
                if number == 7 { Severity::High } else { Severity::Medium },
                Some(if number == 7 { 7.8 } else { 5.5 }),
                (number % 2 == 0).then_some(if number < 10 { "6.1.9-1" } else { "6.1.85-1" }),
            )
        });
        verdicts.push(Verdict::Covered(matches.collect()));
    }
    packages.push(located(PackageKind::Pypi, "Jinja2", "2.4.1", None, 2));
    verdicts.push(Verdict::Covered(vec![matched(
        "PYSEC-2019-220",
        &["CVE-2016-10745"],
        Severity::Critical,
        Some(9.8),
        Some("2.8.1"),
    )]));
    Report::of_verdicts(about(), inventory(packages), identity(), verdicts)
}
