//! What was scanned, its distribution, and its packages, as SPDX packages; what contains what.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use image::digest::Algorithm;
use inventory::package::{Located, Owner};
use inventory::{LinkedText, Release};
use serde::Serialize;

use super::super::bill::{Bill, Names, clipped, database, link, linked};
use super::super::licences::{Licence, licence};
use super::{creator, time};
use crate::{Finding, Subject};

const SUBJECT: &str = "SPDXRef-Subject";
const NO_ASSERTION: &str = "NOASSERTION";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Package<'a> {
    #[serde(rename = "SPDXID")]
    id: String,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_info: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplier: Option<String>,
    download_location: &'static str,
    files_analyzed: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_info: Option<String>,
    license_concluded: &'static str,
    license_declared: String,
    copyright_text: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<ExternalRef<'a>>,
    primary_package_purpose: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Annotation<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum<'a> {
    algorithm: &'static str,
    checksum_value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExternalRef<'a> {
    #[serde(rename = "referenceCategory")]
    category: &'static str,
    #[serde(rename = "referenceType")]
    kind: &'static str,
    #[serde(rename = "referenceLocator")]
    locator: std::borrow::Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Annotation<'a> {
    #[serde(rename = "annotationDate")]
    date: &'a str,
    #[serde(rename = "annotationType")]
    kind: &'static str,
    annotator: String,
    comment: String,
}

/// What of a package or of the subject SPDX has no field for.
#[derive(Default, Serialize)]
struct Extra<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    layers: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    history: Vec<Option<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    unverified: &'a [usize],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    content_sets: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inside: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a Owner>,
    #[serde(skip_serializing_if = "Option::is_none")]
    linked: Option<&'a LinkedText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    codename: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    like: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    licences: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Relationship {
    spdx_element_id: &'static str,
    related_spdx_element: String,
    #[serde(rename = "relationshipType")]
    kind: &'static str,
}

impl Relationship {
    /// The document is about the subject.
    pub(super) fn describes() -> Self {
        Self { spdx_element_id: "SPDXRef-DOCUMENT", related_spdx_element: SUBJECT.into(), kind: "DESCRIBES" }
    }
}

impl Package<'_> {
    /// It is in the subject.
    pub(super) fn contained(&self) -> Relationship {
        Relationship { spdx_element_id: SUBJECT, related_spdx_element: self.id.clone(), kind: "CONTAINS" }
    }
}

/// The subject, the distribution, then the packages in the inventory's order.
pub(super) fn packages<'a>(bill: &Bill<'a>, names: &Names<'a>, licences: &mut Licences) -> Vec<Package<'a>> {
    let mut findings: HashMap<usize, Vec<&'a Finding>> = HashMap::new();
    for finding in bill.all_findings() {
        if let Some(place) = names.place_of(&finding.located) {
            findings.entry(place).or_default().push(finding);
        }
    }
    let mut packages = vec![subject(bill)];
    packages.extend(bill.inventory.release.as_ref().map(|release| distribution(bill, release)));
    let linked = linked(bill.inventory);
    for (number, located) in bill.inventory.packages.iter().enumerate() {
        let findings = findings.remove(&number).unwrap_or_default();
        let linked = linked.get(&(located.path.as_str(), located.package.name.as_str()));
        packages.push(package(bill, number, located, linked, &findings, licences));
    }
    packages
}

fn bare<'a>(id: String, name: &'a str, purpose: &'static str) -> Package<'a> {
    Package {
        id,
        name,
        version_info: None,
        supplier: None,
        download_location: NO_ASSERTION,
        files_analyzed: false,
        checksums: Vec::new(),
        source_info: None,
        license_concluded: NO_ASSERTION,
        license_declared: NO_ASSERTION.into(),
        copyright_text: NO_ASSERTION,
        summary: None,
        external_refs: Vec::new(),
        primary_package_purpose: purpose,
        annotations: Vec::new(),
    }
}

fn subject<'a>(bill: &Bill<'a>) -> Package<'a> {
    let digest = bill.has_digest().then_some(bill.digest);
    let inventory = bill.inventory;
    let extra = Extra {
        subject: Some(bill.subject.name()),
        platform: Some(bill.platform).filter(|platform| !platform.is_empty()),
        layers: inventory.layers.iter().map(image::Digest::as_str).collect(),
        history: bill.history.iter().map(|line| line.as_deref().map(clipped)).collect(),
        warnings: inventory.warnings.iter().map(String::as_str).collect(),
        unverified: &inventory.unverified,
        content_sets: &inventory.content_sets,
        ..Extra::default()
    };
    let checksum = |digest: &'a image::Digest| Checksum {
        algorithm: match digest.algorithm() {
            Algorithm::Sha256 => "SHA256",
            Algorithm::Sha512 => "SHA512",
        },
        checksum_value: digest.hex(),
    };
    Package {
        version_info: digest.map(image::Digest::as_str),
        checksums: digest.into_iter().map(checksum).collect(),
        annotations: annotations(bill, &extra),
        ..bare(SUBJECT.into(), bill.name, if bill.subject == Subject::Image { "CONTAINER" } else { "FILE" })
    }
}

fn distribution<'a>(bill: &Bill<'a>, release: &'a Release) -> Package<'a> {
    let extra = Extra { codename: release.codename.as_deref(), like: &release.id_like, ..Extra::default() };
    let is_plain = release.codename.is_none() && release.id_like.is_empty();
    Package {
        version_info: Some(release.version_id.as_str()).filter(|version| !version.is_empty()),
        summary: release.pretty_name.as_deref(),
        annotations: if is_plain { Vec::new() } else { annotations(bill, &extra) },
        ..bare("SPDXRef-Distribution".into(), &release.id, "OPERATING-SYSTEM")
    }
}

fn package<'a>(
    bill: &Bill<'a>,
    number: usize,
    located: &'a Located,
    linked: Option<&LinkedText>,
    findings: &[&'a Finding],
    licences: &mut Licences,
) -> Package<'a> {
    let package = &located.package;
    let source = package.source.as_ref();
    let extra = Extra {
        path: Some(&located.path),
        inside: package.inside.as_deref(),
        layer: Some(located.layer),
        vendor: package.vendor.as_deref(),
        module: package.module.as_deref(),
        source: source.map(|source| format!("{}@{}", source.name, source.version)),
        owner: located.owner.as_ref(),
        linked,
        licences: &package.licences,
        ..Extra::default()
    };
    let mut external_refs = vec![ExternalRef {
        category: "PACKAGE-MANAGER",
        kind: "purl",
        locator: located.purl.as_str().into(),
        comment: None,
    }];
    external_refs.extend(findings.iter().map(|finding| security(finding)));
    Package {
        version_info: Some(&package.version),
        supplier: package.vendor.as_ref().map(|vendor| format!("Organization: {vendor}")),
        source_info: source.map(|source| format!("built from source package {} {}", source.name, source.version)),
        license_declared: licences.declared(&package.licences),
        external_refs,
        annotations: annotations(bill, &extra),
        // Numbers, since SPDX allows letters, digits, dots and dashes only, and a name cut down to these is not unique.
        ..bare(format!("SPDXRef-Package-{number}"), &package.name, "LIBRARY")
    }
}

/// A record that applies (annex F.2.1, "advisory").
fn security(finding: &Finding) -> ExternalRef<'_> {
    let matched = &finding.matched;
    let (_, page) = database(&matched.id);
    let mut comment = format!("{}: {}", matched.id, matched.severity);
    if !matched.aliases.is_empty() {
        let _ = write!(comment, "; also {}", matched.aliases.join(", "));
    }
    if let Some(fixed) = &matched.fixed {
        let _ = write!(comment, "; fixed in {fixed}");
    }
    if let Some(why) = &matched.suppressed {
        let _ = write!(comment, "; not counted ({}): {}", why.rule.name(), why.reason);
    }
    ExternalRef {
        category: "SECURITY",
        kind: "advisory",
        locator: link(&matched.url).map_or_else(|| page.into(), Into::into),
        comment: Some(clipped(&comment)),
    }
}

fn annotations<'a>(bill: &Bill<'a>, extra: &Extra<'_>) -> Vec<Annotation<'a>> {
    let Ok(json) = serde_json::to_string(extra) else { return Vec::new() };
    vec![Annotation { date: time(bill), kind: "OTHER", annotator: creator(), comment: format!("plimsoll {json}") }]
}

/// Licences that are no identifier of SPDX's list, each with a name of its own (section 10).
#[derive(Default)]
pub(super) struct Licences {
    texts: BTreeMap<String, usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Extracted {
    license_id: String,
    name: String,
    #[serde(rename = "extractedText")]
    text: String,
}

impl Licences {
    /// All licences of a package as one expression.
    fn declared(&mut self, licences: &[String]) -> String {
        let mut parts = BTreeSet::new();
        for text in licences {
            parts.insert(match licence(text) {
                Licence::Id(id) => id.to_owned(),
                Licence::Expression(expression) => format!("({expression})"),
                Licence::Text => {
                    let next = self.texts.len();
                    format!("LicenseRef-{}", *self.texts.entry(text.clone()).or_insert(next))
                }
            });
        }
        match parts.len() {
            0 => NO_ASSERTION.into(),
            _ => Vec::from_iter(parts).join(" AND "),
        }
    }

    pub(super) fn extracted(self) -> Vec<Extracted> {
        let mut texts: Vec<_> = self.texts.into_iter().collect();
        texts.sort_by_key(|(_, number)| *number);
        let extracted = |(text, number): (String, usize)| Extracted {
            license_id: format!("LicenseRef-{number}"),
            name: text.clone(),
            text,
        };
        texts.into_iter().map(extracted).collect()
    }
}
