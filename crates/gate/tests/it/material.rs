//! Policies, keys, images and findings to judge.

use advisory::{Match, Severity};
use findings::report::IndexIdentity;
use findings::{Finding, Report};
use gate::{Facts, Policy};
use image::Digest;
use inventory::package::Located;
use inventory::{Inventory, Package, PackageKind};
use keys::PublicKey;
use time::OffsetDateTime;
use time::macros::datetime;
use trust::Signature;

/// The repository that the tests' rules are about.
pub(crate) const REPOSITORY: &str = "registry.example.com/payments/api";

/// When the tests judge: noon, so that a day's end lies before and after.
pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);

pub(crate) fn folder() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/keys")
}

pub(crate) fn policy(text: &str) -> Policy {
    Policy::parse(text, "policy.toml", &folder()).unwrap_or_else(|error| panic!("{error}"))
}

/// A rule in mode enforce for [`REPOSITORY`] with these lines besides.
pub(crate) fn enforce(lines: &str) -> Policy {
    policy(&format!("[[rule]]\nimages = \"registry.example.com/payments/**\"\nmode = \"enforce\"\n{lines}"))
}

pub(crate) fn key(name: &str) -> PublicKey {
    PublicKey::from_pem(&std::fs::read_to_string(folder().join(name)).unwrap()).unwrap()
}

pub(crate) fn signature(name: &str) -> Signature {
    Signature::by(key(name))
}

pub(crate) fn digest() -> Digest {
    Digest::sha256(b"an image")
}

pub(crate) fn finding(id: &str, severity: Severity, package: &str, fixed: Option<&str>) -> Finding {
    Finding {
        matched: Match {
            id: id.into(),
            aliases: vec![],
            summary: String::new(),
            severity,
            score: None,
            severity_source: None,
            fixed: fixed.map(Into::into),
            ecosystem: "Debian:12".into(),
            package: package.into(),
            url: String::new(),
            ..Match::default()
        },
        located: Located {
            package: Package::new(PackageKind::Deb, package, "1.0-1"),
            purl: String::new(),
            path: "/var/lib/dpkg/status".into(),
            layer: 0,
            owner: None,
        },
    }
}

/// A report of an index that is three days old at [`NOW`].
pub(crate) fn report(findings: Vec<Finding>) -> Report {
    Report {
        subject: findings::Subject::Image,
        name: format!("{REPOSITORY}:1"),
        digest: digest(),
        platform: "linux/amd64".into(),
        scanned_at: "2026-11-25T11:00:00Z".into(),
        index: IndexIdentity { id: "index".into(), built_at: "2026-11-22T12:00:00Z".into() },
        inventory: Inventory {
            packages: findings.iter().map(|finding| finding.located.clone()).collect(),
            ..Inventory::default()
        },
        history: vec![],
        findings,
        suppressed: vec![],
        uncovered: vec![],
        standings: vec![],
        notes: vec![],
        layers_read: 0,
        cataloguers: inventory::cataloguers::VERSION,
    }
}

pub(crate) fn facts<'a>(digest: &'a Digest, report: &'a Report) -> Facts<'a> {
    Facts {
        repository: REPOSITORY,
        digest,
        index: None,
        tag: None,
        signatures: Some(Ok(vec![])),
        revocation: None,
        report: Some(Ok(report)),
        now: NOW,
    }
}
