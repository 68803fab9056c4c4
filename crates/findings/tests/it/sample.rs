//! A report as a real image could give it.

use advisory::{Affected, Category, Epss, IndexIdentity, Kev, Match, Severity, Verdict};
use findings::{About, Report};
use image::Digest;
use inventory::package::{Gone, Located, Owner, SourcePackage};
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

/// A distribution's record of one CVE, and the like.
pub(crate) fn of_debian(package: &str, record: Match) -> Match {
    let affected = Affected::Range { introduced: "0".into(), fixed: record.fixed.clone(), last_affected: None };
    Match { ecosystem: "Debian:12".into(), package: package.into(), affected, ..record }
}

/// What is exploited, what is likely to be, malware, several records of one thing, a package that the distribution
/// owns, one of a foreign vendor, kernel headers, and something that a lower layer had.
pub(crate) fn urgent() -> Report {
    let glibc = "2.36-9+deb12u7";
    let owner = Owner { kind: PackageKind::Deb, name: "python3-idna".into(), version: "3.3-1".into(), vendor: None };
    let mut idna = located(PackageKind::Pypi, "idna", "3.3", None, 0);
    idna.owner = Some(owner);
    let mut postgresql = located(PackageKind::Deb, "postgresql-16", "16.2-1.pgdg120+2", Some("postgresql-16"), 1);
    postgresql.package.vendor = Some("PostgreSQL Global Development Group".into());
    let packages = vec![
        located(PackageKind::Deb, "libc6", glibc, Some("glibc"), 0),
        located(PackageKind::Deb, "libc-bin", glibc, Some("glibc"), 0),
        located(PackageKind::Deb, "linux-libc-dev", "6.1.76-1", Some("linux"), 1),
        located(PackageKind::Deb, "python3-idna", "3.3-1", Some("python-idna"), 0),
        postgresql,
        idna,
        located(PackageKind::Pypi, "Jinja2", "2.4.1", None, 2),
        located(PackageKind::Npm, "evil-pad", "1.0.0", None, 2),
    ];
    let iconv = |id: &str, aliases: &[&str], severity| {
        of_debian("glibc", matched(id, aliases, severity, None, Some("2.36-9+deb12u8")))
    };
    let kev = Kev {
        cve: "CVE-2024-2961".into(),
        added: "2024-05-01".into(),
        due: Some("2024-05-22".into()),
        ransomware: true,
    };
    let of_glibc = || {
        Verdict::Covered(vec![
            iconv("DSA-5673-1", &["CVE-2024-2961", "CVE-2024-33599"], Severity::Unknown),
            Match { kev: Some(kev.clone()), ..iconv("DEBIAN-CVE-2024-2961", &["CVE-2024-2961"], Severity::Low) },
            iconv("DEBIAN-CVE-2024-33599", &["CVE-2024-33599"], Severity::Medium),
        ])
    };
    let linux = (0..3).map(|number| {
        let cve = format!("CVE-2024-{}", 26000 + number);
        of_debian("linux", matched(&format!("DEBIAN-{cve}"), &[&cve], Severity::High, None, None))
    });
    let epss = Epss { cve: "CVE-2016-10745".into(), probability: 0.34, percentile: 0.97 };
    let verdicts = vec![
        of_glibc(),
        of_glibc(),
        Verdict::Covered(linux.collect()),
        Verdict::Covered(Vec::new()),
        Verdict::Unknown { ecosystem: "PostgreSQL Global Development Group".into() },
        Verdict::Covered(vec![matched("PYSEC-2024-60", &["CVE-2024-3651"], Severity::Medium, Some(6.2), Some("3.7"))]),
        Verdict::Covered(vec![
            matched("PYSEC-2019-220", &["CVE-2016-10745"], Severity::Unknown, None, Some("2.8.1")),
            Match {
                epss: Some(epss),
                ..matched("GHSA-hj2j-77xm-mc5v", &["CVE-2016-10745"], Severity::High, Some(8.6), Some("2.8.1"))
            },
            matched("PYSEC-2014-8", &["CVE-2014-1402"], Severity::Low, None, Some("2.7.2")),
        ]),
        Verdict::Covered(vec![Match {
            category: Category::Malware,
            ecosystem: "npm".into(),
            package: "evil-pad".into(),
            ..matched("MAL-2024-1", &[], Severity::Unknown, None, None)
        }]),
    ];
    let mut inventory = inventory(packages);
    inventory.gone = vec![Gone {
        located: located(PackageKind::Deb, "libc6", "2.36-9+deb12u6", Some("glibc"), 0),
        by: 1,
        replaced_by: Some(glibc.into()),
    }];
    let about = About {
        history: vec![
            Some(
                "/bin/sh -c #(nop) ADD file:5f1c5a0d1f4c9b0f3f2c5a6a3f4a3d2e1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e in / "
                    .into(),
            ),
            Some("RUN /bin/sh -c apt-get update && apt-get install -y linux-libc-dev postgresql-16 # buildkit".into()),
            Some("RUN /bin/sh -c pip install -r requirements.txt # buildkit".into()),
        ],
        ..about()
    };
    Report::of_verdicts(about, inventory, identity(), verdicts)
}
