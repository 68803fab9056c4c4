//! A store as a busy team's server has it, and one that an enemy filled.

use std::sync::Arc;

use advisory::{Epss, Kev, Match, Rule, Severity, Suppression};
use catalog::{Advisories, Advisory, Catalog};
use findings::report::IndexIdentity;
use findings::{Finding, Report, Standing};
use gate::Policy;
use image::{Digest, Verified};
use inventory::package::{Located, Owner, SourcePackage};
use inventory::{Inventory, Package, PackageKind, Release};
use serde_json::json;
use store::Store;
use store::reports::{FindingRow, PackageRow, PendingRow, ReportRow};
use store::repositories::ManifestRow;
use tempfile::TempDir;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// A store in a folder that is gone when this is dropped.
pub(crate) struct Shelf {
    pub(crate) store: Store,
    _folder: TempDir,
}

/// Advisories that are told.
pub(crate) struct Telling(Vec<Advisory>);

impl Advisories for Telling {
    fn identity(&self) -> Option<IndexIdentity> {
        Some(index("index-2"))
    }

    fn record(&self, id: &str) -> Option<Advisory> {
        self.0.iter().find(|told| told.id == id).cloned()
    }
}

fn index(id: &str) -> IndexIdentity {
    IndexIdentity { id: id.into(), built_at: "2026-11-25T04:10:00Z".into() }
}

impl Shelf {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), None).await.unwrap();
        Self { store, _folder: folder }
    }

    pub(crate) fn catalog(&self, advisories: Vec<Advisory>, policy: Policy) -> Catalog {
        Catalog::new(self.store.clone(), Arc::new(Telling(advisories)), Arc::new(policy), "registry.example.com")
    }

    /// Pushes an image's manifest; `text` makes it different from others.
    pub(crate) async fn push(&self, repository: &str, tag: Option<&str>, text: &str, pushed_at: &str) -> Digest {
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor("application/vnd.oci.image.config.v1+json", text),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", text)],
        });
        self.keep(repository, tag, MANIFEST, &manifest, None, pushed_at).await
    }

    /// Pushes an index of images.
    pub(crate) async fn push_index(&self, repository: &str, tag: &str, images: &[(&Digest, &str)], at: &str) -> Digest {
        let entries: Vec<_> = images
            .iter()
            .map(|(digest, architecture)| {
                json!({"mediaType": MANIFEST, "digest": digest, "size": 100,
                       "platform": {"os": "linux", "architecture": architecture}})
            })
            .collect();
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
        self.keep(repository, Some(tag), INDEX, &index, None, at).await
    }

    /// Attaches a bundle to an image.
    pub(crate) async fn attach(&self, repository: &str, subject: &Digest, bundle: &[u8]) -> Digest {
        let blob = Verified::name(bundle.to_vec());
        self.store.blobs().put(&blob).unwrap();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": BUNDLE,
            "config": descriptor("application/vnd.oci.empty.v1+json", "{}"),
            "layers": [{"mediaType": BUNDLE, "digest": blob.digest(), "size": bundle.len()}],
            "subject": {"mediaType": MANIFEST, "digest": subject, "size": 100},
        });
        self.keep(repository, None, MANIFEST, &manifest, Some(subject.clone()), "2026-11-25T08:00:00Z").await
    }

    async fn keep(
        &self,
        repository: &str,
        tag: Option<&str>,
        media_type: &str,
        manifest: &serde_json::Value,
        subject: Option<Digest>,
        pushed_at: &str,
    ) -> Digest {
        let bytes = Verified::name(serde_json::to_vec(manifest).unwrap());
        self.store.blobs().put(&bytes).unwrap();
        let row = ManifestRow {
            digest: bytes.digest().clone(),
            media_type: media_type.into(),
            size: bytes.len() as u64,
            artifact_type: subject.is_some().then(|| BUNDLE.to_owned()),
            subject,
            annotations: None,
            pushed_at: pushed_at.into(),
        };
        self.store.put_manifest(repository, &row, tag).await.unwrap();
        row.digest
    }

    /// Keeps a report, with its rows as the scanner makes them.
    pub(crate) async fn report(&self, report: &Report) {
        let counts = report.counts();
        let counts = Severity::WORST_FIRST.map(|severity| counts.of(severity) as i64);
        let row = ReportRow {
            image: report.digest.clone(),
            index_id: report.index.id.clone(),
            scanned_at: report.scanned_at.clone(),
            counts,
            fixable: report.fixable() as i64,
            uncovered: report.uncovered.iter().map(|(_, packages)| *packages as i64).sum(),
            report: report.to_bytes().unwrap(),
        };
        let packages: Vec<_> = report.inventory.packages.iter().map(package_row).collect();
        let findings: Vec<_> = report.findings.iter().map(finding_row).collect();
        self.store.put_report(&row, &packages, &findings).await.unwrap();
    }

    pub(crate) async fn pending(&self, image: &Digest, reason: &str) {
        let row = PendingRow { image: image.clone(), reason: reason.into(), since: "2026-11-25T08:20:00Z".into() };
        self.store.put_pending(&row).await.unwrap();
    }
}

fn descriptor(media_type: &str, text: &str) -> serde_json::Value {
    json!({"mediaType": media_type, "digest": Digest::sha256(text.as_bytes()), "size": text.len()})
}

fn package_row(located: &Located) -> PackageRow {
    PackageRow {
        kind: "deb".into(),
        name: located.package.name.clone(),
        version: located.package.version.clone(),
        source: None,
        purl: located.purl.clone(),
        layer: located.layer as u32,
    }
}

fn finding_row(finding: &Finding) -> FindingRow {
    let matched = &finding.matched;
    FindingRow {
        id: matched.id.clone(),
        cve: matched.aliases.iter().find(|id| id.starts_with("CVE-")).unwrap_or(&matched.id).clone(),
        severity: format!("{:?}", matched.severity).to_lowercase(),
        package: finding.located.package.name.clone(),
        version: finding.located.package.version.clone(),
        fixed: matched.fixed.clone(),
        purl: finding.located.purl.clone(),
    }
}

fn located(kind: PackageKind, name: &str, version: &str, source: Option<&str>, layer: usize) -> Located {
    let (kind_word, path) = match kind {
        PackageKind::Deb => ("deb/debian", "/var/lib/dpkg/status"),
        PackageKind::Apk => ("apk/alpine", "/lib/apk/db/installed"),
        PackageKind::Pypi => ("pypi", "/usr/lib/python3/dist-packages/METADATA"),
        _ => ("npm", "/app/node_modules/package.json"),
    };
    Located {
        package: Package {
            architecture: (kind == PackageKind::Deb).then(|| "amd64".into()),
            source: source.map(|source| SourcePackage { name: source.into(), version: version.into() }),
            licences: vec!["MIT".into()],
            ..Package::new(kind, name, version)
        },
        purl: format!("pkg:{kind_word}/{name}@{version}"),
        path: path.into(),
        layer,
        owner: None,
    }
}

fn finding(located: &Located, id: &str, aliases: &[&str], severity: Severity, fixed: Option<&str>) -> Finding {
    Finding {
        matched: Match {
            id: id.into(),
            aliases: aliases.iter().map(|&alias| alias.into()).collect(),
            summary: String::new(),
            severity,
            score: None,
            severity_source: None,
            fixed: fixed.map(Into::into),
            ecosystem: "Debian:12".into(),
            package: located.package.name.clone(),
            url: format!("https://osv.dev/vulnerability/{id}"),
            ..Match::default()
        },
        located: located.clone(),
    }
}

pub(crate) fn report(digest: &Digest, packages: Vec<Located>, mut findings: Vec<Finding>) -> Report {
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.matched.severity));
    let history = [
        "/bin/sh -c #(nop) ADD file:5f1c5a0d1f4c9b0f3f2c5a6a3f4a3d2e1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e in / ",
        "RUN /bin/sh -c apt-get update && apt-get install -y --no-install-recommends curl ca-certificates python3 && rm -rf /var/lib/apt/lists/* # buildkit",
        "RUN /bin/sh -c pip install --no-cache-dir -r requirements.txt # buildkit",
    ];
    let standings = vec![Standing::Judged; packages.len()];
    Report {
        name: "app".into(),
        subject: findings::Subject::Image,
        digest: digest.clone(),
        platform: "linux/amd64".into(),
        scanned_at: "2026-11-25T08:21:07Z".into(),
        index: index("index-2"),
        inventory: Inventory {
            release: Some(Release {
                id: "debian".into(),
                version_id: "12".into(),
                codename: Some("bookworm".into()),
                id_like: vec![],
                pretty_name: Some("Debian GNU/Linux 12 (bookworm)".into()),
            }),
            packages,
            layers: (0..4).map(|layer| Digest::sha256(format!("layer {layer}").as_bytes())).collect(),
            ..Inventory::default()
        },
        history: history.iter().map(|&line| Some(line.into())).chain([None]).collect(),
        findings,
        suppressed: vec![],
        uncovered: vec![],
        standings,
        notes: vec![],
        layers_read: 4,
        cataloguers: inventory::cataloguers::VERSION,
    }
}

/// Packages of a Debian image: name, version, source.
const DEBIAN: [(&str, &str, &str); 16] = [
    ("libssl3", "3.0.11-1~deb12u2", "openssl"),
    ("openssl", "3.0.11-1~deb12u2", "openssl"),
    ("curl", "7.88.1-10+deb12u5", "curl"),
    ("libcurl4", "7.88.1-10+deb12u5", "curl"),
    ("libc6", "2.36-9+deb12u4", "glibc"),
    ("libc-bin", "2.36-9+deb12u4", "glibc"),
    ("perl-base", "5.36.0-7+deb12u1", "perl"),
    ("libexpat1", "2.5.0-1+deb12u1", "expat"),
    ("libgnutls30", "3.7.9-2+deb12u2", "gnutls28"),
    ("libsystemd0", "252.22-1~deb12u1", "systemd"),
    ("zlib1g", "1:1.2.13.dfsg-1", "zlib"),
    ("libtinfo6", "6.4-4", "ncurses"),
    ("tar", "1.34+dfsg-1.2+deb12u1", "tar"),
    ("libpython3.11-minimal", "3.11.2-6+deb12u3", "python3.11"),
    ("python3.11", "3.11.2-6+deb12u3", "python3.11"),
    ("passwd", "1:4.13+dfsg1-1+b1", "shadow"),
];

const SUMMARIES: [&str; 4] = [
    "Heap buffer overflow when parsing a certificate chain with many name constraints",
    "Denial of service by quadratic work in the parser of nested entities",
    "Out-of-bounds read in the SOCKS5 handshake when the host name is longer than 255 bytes",
    "",
];

/// A Debian image with an application in Python: some 150 packages, 129 findings of every kind.
pub(crate) fn busy_report(digest: &Digest) -> Report {
    let mut packages = Vec::new();
    let mut findings = Vec::new();
    for (number, (name, version, source)) in DEBIAN.iter().enumerate() {
        let located = located(PackageKind::Deb, name, version, Some(source), usize::from((2..4).contains(&number)));
        for one in 0..8 {
            let severity = match (number * 8 + one) % 32 {
                0 => Severity::Critical,
                1..5 => Severity::High,
                5..14 => Severity::Medium,
                14..24 => Severity::Low,
                24..28 => Severity::Negligible,
                _ => Severity::Unknown,
            };
            let cve = format!("CVE-2026-{}", 20_000 + number / 2 * 100 + one);
            let fixed = (one % 3 == 0).then(|| format!("{version}+deb12u9"));
            let mut found = finding(&located, &format!("DEBIAN-{cve}"), &[&cve], severity, fixed.as_deref());
            found.matched.summary = SUMMARIES[one % 4].into();
            found.matched.score = score(severity);
            found.matched.kev = (cve == "CVE-2026-20101").then(|| Kev {
                cve: cve.clone(),
                added: "2026-11-03".into(),
                due: Some("2026-11-24".into()),
                ransomware: true,
            });
            findings.push(found);
        }
        packages.push(located);
    }
    let python = located(PackageKind::Pypi, "Jinja2", "2.10", None, 2);
    let aliases = ["CVE-2019-10906", "GHSA-462w-v97r-4m45"];
    let mut found = finding(&python, "PYSEC-2019-217", &aliases, Severity::High, Some("2.10.1"));
    found.matched.summary = "Sandbox escape by str.format_map".into();
    found.matched.score = Some(8.6);
    // Two databases tell of it: one finding.
    let mut second = finding(&python, "GHSA-462w-v97r-4m45", &["CVE-2019-10906"], Severity::High, Some("2.10.1"));
    second.matched.epss = Some(Epss { cve: "CVE-2019-10906".into(), probability: 0.34, percentile: 0.97 });
    findings.extend([found, second]);
    packages.push(python);
    packages.extend(
        (0..140).map(|number| located(PackageKind::Deb, &format!("libfiller{number:03}"), "1.0-1", Some("filler"), 0)),
    );
    let mut idna = located(PackageKind::Pypi, "idna", "3.3", None, 0);
    idna.owner = Some(Owner {
        kind: PackageKind::Deb,
        name: "python3-idna".into(),
        version: "3.3-1+deb12u1".into(),
        vendor: None,
    });
    let mut owned = finding(&idna, "PYSEC-2024-60", &["CVE-2024-3651"], Severity::Medium, Some("3.7"));
    let reason = "python3-idna 3.3-1+deb12u1 of Debian owns /usr/lib/python3/dist-packages/METADATA, and Debian's own \
                  advisories judge it";
    owned.matched.suppressed = Some(Suppression { rule: Rule::Owned, reason: reason.into() });
    packages.push(idna);
    Report { suppressed: vec![owned], ..report(digest, packages, findings) }
}

fn score(severity: Severity) -> Option<f32> {
    match severity {
        Severity::Critical => Some(9.8),
        Severity::High => Some(7.5),
        Severity::Medium => Some(5.3),
        Severity::Low => Some(3.1),
        _ => None,
    }
}

/// What is told of a finding of [`busy_report`].
pub(crate) fn telling() -> Vec<Advisory> {
    vec![Advisory {
        id: "PYSEC-2019-217".into(),
        aliases: vec!["CVE-2019-10906".into(), "GHSA-462w-v97r-4m45".into()],
        summary: "Sandbox escape by str.format_map".into(),
        details: "In Pallets Jinja before 2.10.1, `str.format_map` allows a sandbox escape.\n\nThe sandbox is used to \
                  restrict what code can be evaluated when rendering untrusted, user-provided templates. Due to the \
                  way string formatting works in Python, the `str.format_map` method could be used to escape the \
                  sandbox.\n\n- This issue was previously addressed for the `str.format` method in Jinja 2.8.1.\n- \
                  Upgrade to 2.10.1 or later."
            .into(),
        severity: Severity::High,
        published: Some("2019-04-07T00:29:00Z".into()),
        modified: Some("2023-11-08T04:00:53Z".into()),
        related: vec!["CVE-2016-10745".into()],
        references: vec![
            "https://palletsprojects.com/blog/jinja-2-10-1-released".into(),
            "https://lists.apache.org/thread.html/09fc842ff444cd43d9d4c510756fec625ef8eb1175f14fd21de2605f@%3Cdevnull.infra.apache.org%3E".into(),
            "javascript:alert(document.domain)".into(),
        ],
    }]
}

/// A policy that is about some of [`busy_shelf`].
pub(crate) fn policy() -> Policy {
    let text = "[[rule]]\nimages = \"registry.example.com/payments/**\"\nmode = \"enforce\"\n\
                findings = { at-most = \"high\", only-fixable = true }\n\
                [[rule.exceptions]]\nid = \"CVE-2026-20000\"\nreason = \"not reachable, see ticket 4711\"\n\
                until = 2099-01-31\n\
                [[rule]]\nimages = \"registry.example.com/web/**\"\nmode = \"warn\"\n\
                findings = { at-most = \"low\" }\n";
    Policy::parse(text, "/etc/plimsoll/policy.toml", std::path::Path::new("/")).unwrap()
}

/// A team's server, with the digest of its busiest image.
pub(crate) async fn busy_shelf() -> (Shelf, Digest) {
    let shelf = Shelf::new().await;
    for version in ["2.3.8", "2.3.9", "2.4.0"] {
        let image = shelf.push("payments/api", Some(version), version, "2026-11-20T08:00:00Z").await;
        shelf.report(&busy_report(&image)).await;
    }
    let api = shelf.push("payments/api", Some("2.4.1"), "api", "2026-11-25T08:20:41Z").await;
    shelf.report(&busy_report(&api)).await;
    shelf.attach("payments/api", &api, b"{}").await;

    let amd64 = shelf.push("web/storefront", None, "web amd64", "2026-11-24T16:02:11Z").await;
    let arm64 = shelf.push("web/storefront", None, "web arm64", "2026-11-24T16:02:12Z").await;
    let mut small = busy_report(&amd64);
    small.findings.retain(|finding| finding.located.package.kind == PackageKind::Pypi);
    shelf.report(&small).await;
    shelf.pending(&arm64, "2 of 6 layers are catalogued").await;
    shelf.push_index("web/storefront", "main", &[(&amd64, "amd64"), (&arm64, "arm64")], "2026-11-24T16:02:13Z").await;

    let clean = shelf.push("tools/backup", Some("1"), "backup", "2026-10-02T11:00:00Z").await;
    shelf.report(&report(&clean, vec![], vec![])).await;
    let long_tag = "2026.11.24-build.1187-g3f9c2ab";
    let old = shelf.push("data/etl-nightly-reconciliation", Some(long_tag), "etl", "2026-11-24T02:00:00Z").await;
    let mut outdated = busy_report(&old);
    outdated.findings.retain(|finding| finding.matched.severity == Severity::Medium);
    outdated.index = index("index-1");
    outdated.uncovered = vec![("Red Hat:9".into(), 12)];
    shelf.report(&outdated).await;
    let waiting = shelf.push("lab/new", Some("latest"), "new", "2026-11-25T08:24:59Z").await;
    shelf.pending(&waiting, "the worker that reads its packages was killed; it is tried again").await;
    (shelf, api)
}

/// Text that tries everything that a page must not let it do.
pub(crate) const HOSTILE: &str =
    "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}\u{202e}\u{1b}[2J&lt;";

/// A server on which an enemy may push, with the digest of their image.
pub(crate) async fn hostile_shelf() -> (Shelf, Digest) {
    let shelf = Shelf::new().await;
    let digest = shelf.push("evil/app", Some("latest"), "evil", HOSTILE).await;
    let mut package = located(PackageKind::Npm, HOSTILE, HOSTILE, Some(HOSTILE), 0);
    package.package.licences = vec![HOSTILE.into()];
    package.path = HOSTILE.into();
    let mut found = finding(&package, HOSTILE, &[HOSTILE], Severity::Critical, Some(HOSTILE));
    found.matched.summary = HOSTILE.into();
    found.matched.url = "javascript:alert(3)".into();
    let mut report = report(&digest, vec![package], vec![found]);
    report.history = vec![Some(HOSTILE.into())];
    report.platform = HOSTILE.into();
    report.uncovered = vec![(HOSTILE.into(), 1)];
    report.inventory.warnings = vec![HOSTILE.into()];
    report.inventory.release = Some(Release { pretty_name: Some(HOSTILE.into()), ..Release::default() });
    report.scanned_at = HOSTILE.into();
    shelf.report(&report).await;
    let waiting = shelf.push("evil/waiting", Some("latest"), "waiting", HOSTILE).await;
    shelf.pending(&waiting, HOSTILE).await;
    (shelf, digest)
}

/// What an enemy's advisory tells.
pub(crate) fn hostile_telling() -> Vec<Advisory> {
    vec![Advisory {
        id: "EVIL-1".into(),
        aliases: vec![HOSTILE.into()],
        related: vec![HOSTILE.into()],
        summary: HOSTILE.into(),
        details: HOSTILE.into(),
        published: Some(HOSTILE.into()),
        references: vec!["javascript:alert(4)".into(), "https://example.com/\"onmouseover=alert(5)".into()],
        ..Advisory::default()
    }]
}
