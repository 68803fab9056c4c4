//! What was scanned, its distribution, and its packages, as components.

use image::digest::Algorithm;
use std::collections::HashMap;

use inventory::package::Located;
use inventory::{LinkedText, Release};
use serde::Serialize;

use super::super::bill::{Bill, Names, clipped, group_and_name, linked};
use super::super::licences::{Licence, licence};
use super::{Property, property};
use crate::Subject;

/// The reference of the distribution's component.
const DISTRIBUTION: &str = "distribution";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Component<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "bom-ref")]
    reference: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    publisher: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Hash<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<LicenceChoice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
}

#[derive(Serialize)]
struct Hash<'a> {
    alg: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum LicenceChoice {
    License(NamedLicence),
    Expression(String),
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum NamedLicence {
    Id(&'static str),
    Name(String),
}

/// What the document is about.
pub(super) fn subject<'a>(bill: &Bill<'a>) -> Component<'a> {
    let digest = bill.has_digest().then_some(bill.digest);
    let mut properties = vec![property("subject", bill.subject.name())];
    if !bill.platform.is_empty() {
        properties.push(property("platform", bill.platform));
    }
    let history = bill.history.iter().map(Option::as_deref).chain(std::iter::repeat(None));
    for (number, (layer, line)) in bill.inventory.layers.iter().zip(history).enumerate() {
        properties.push(property(&format!("layer:{number}:diff-id"), layer.as_str()));
        properties.extend(line.map(|line| property(&format!("layer:{number}:created-by"), clipped(line))));
    }
    properties.extend(bill.inventory.content_sets.iter().map(|set| property("content-set", clipped(set))));
    properties.extend(bill.inventory.unverified.iter().map(|layer| property("layer:unverified", layer.to_string())));
    properties.extend(bill.inventory.warnings.iter().map(|warning| property("warning", clipped(warning))));
    Component {
        kind: if bill.subject == Subject::Image { "container" } else { "file" },
        reference: bill.digest.as_str(),
        publisher: None,
        group: None,
        name: bill.name,
        version: digest.map(image::Digest::as_str),
        description: None,
        hashes: digest.into_iter().map(|digest| Hash { alg: algorithm(digest), content: digest.hex() }).collect(),
        licenses: Vec::new(),
        purl: None,
        properties,
    }
}

fn algorithm(digest: &image::Digest) -> &'static str {
    match digest.algorithm() {
        Algorithm::Sha256 => "SHA-256",
        Algorithm::Sha512 => "SHA-512",
    }
}

/// The distribution first, then the packages in the inventory's order.
pub(super) fn components<'a>(bill: &Bill<'a>, names: &'a Names<'a>) -> Vec<Component<'a>> {
    let distribution = bill.inventory.release.as_ref().map(distribution);
    let packages = bill.inventory.packages.iter().zip(&names.of_packages);
    let linked = linked(bill.inventory);
    distribution.into_iter().chain(packages.map(|(located, name)| package(bill, located, name, &linked))).collect()
}

fn distribution(release: &Release) -> Component<'_> {
    let mut properties: Vec<_> = release.codename.iter().map(|name| property("distribution:codename", name)).collect();
    properties.extend(release.id_like.iter().map(|id| property("distribution:like", id)));
    Component {
        kind: "operating-system",
        reference: DISTRIBUTION,
        publisher: None,
        group: None,
        name: &release.id,
        version: Some(release.version_id.as_str()).filter(|version| !version.is_empty()),
        description: release.pretty_name.as_deref(),
        hashes: Vec::new(),
        licenses: Vec::new(),
        purl: None,
        properties,
    }
}

fn package<'a>(
    bill: &Bill<'a>,
    located: &'a Located,
    name: &'a str,
    linked: &HashMap<(&str, &str), LinkedText>,
) -> Component<'a> {
    let package = &located.package;
    let (group, short) = group_and_name(package);
    let mut properties = vec![property("path", &located.path), property("layer", located.layer.to_string())];
    let layer = bill.inventory.layers.get(located.layer);
    properties.extend(layer.map(|layer| property("layer:diff-id", layer.as_str())));
    properties.extend(package.inside.as_ref().map(|inside| property("inside", inside)));
    properties.extend(package.vendor.as_ref().map(|vendor| property("vendor", vendor)));
    properties.extend(package.module.as_ref().map(|module| property("module", module)));
    if let Some(source) = &package.source {
        properties.push(property("source", format!("{}@{}", source.name, source.version)));
    }
    if let Some(owner) = &located.owner {
        properties.push(property("owner:kind", owner.kind.name()));
        properties.push(property("owner:name", &owner.name));
        properties.push(property("owner:version", &owner.version));
        properties.extend(owner.vendor.as_ref().map(|vendor| property("owner:vendor", vendor)));
    }
    if let Some(linked) = linked.get(&(located.path.as_str(), package.name.as_str())) {
        // Their number tells whoever reads it whether all of them are still there.
        properties.push(property("linked", linked.packages.len().to_string()));
        properties.extend(linked.os.as_ref().map(|os| property("linked:os", os)));
        properties.extend(linked.architecture.as_ref().map(|name| property("linked:architecture", name)));
        properties.extend(linked.packages.iter().map(|package| property("linked:package", package)));
    }
    Component {
        kind: "library",
        reference: name,
        publisher: package.vendor.as_deref(),
        group,
        name: short,
        version: Some(&package.version),
        description: None,
        hashes: Vec::new(),
        licenses: licences(&package.licences),
        purl: Some(&located.purl),
        properties,
    }
}

/// One expression, or any number of single licences: the schema takes no mixture.
fn licences(texts: &[String]) -> Vec<LicenceChoice> {
    if let [only] = texts
        && let Licence::Expression(expression) = licence(only)
    {
        return vec![LicenceChoice::Expression(expression)];
    }
    let named = |text: &String| match licence(text) {
        Licence::Id(id) => NamedLicence::Id(id),
        Licence::Expression(_) | Licence::Text => NamedLicence::Name(text.clone()),
    };
    texts.iter().map(|text| LicenceChoice::License(named(text))).collect()
}
