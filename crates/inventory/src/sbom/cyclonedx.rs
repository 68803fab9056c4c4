//! CycloneDX 1.2 to 1.7 (cyclonedx.org/docs): components, also nested ones, and what the metadata says of the subject.
//!
//! Read beyond the standard are the properties of Plimsoll (`plimsoll:…`), Syft (`syft:…`) and Trivy
//! (`aquasecurity:trivy:…`), which say where a package was found and what it was built from.

use serde_json::Value;

use super::collector::Collector;
use super::entry::{self, Entry, list, text};
use super::package_url::kind_of;
use crate::package::{Owner, SourcePackage};
use crate::{LinkedText, Release};

/// A component and those within it.
pub(super) fn component(component: &Value, collector: &mut Collector<'_>) {
    for nested in list(component, "components") {
        self::component(nested, collector);
    }
    match text(component, "type") {
        Some("operating-system") => return collector.distribution(release(component)),
        // Not packages, or not ones that an advisory could be about.
        Some("file" | "container" | "device" | "device-driver" | "firmware" | "data" | "cryptographic-asset") => return,
        _ => {}
    }
    let purl = text(component, "purl");
    let is_file_of_packages = purl.is_none() && property(component, "aquasecurity:trivy:Type").is_some();
    if is_file_of_packages {
        // Trivy's `package-lock.json` of type application: what is in it stands beside it.
        return;
    }
    collector.take(entry_of(component, purl));
}

fn entry_of(component: &Value, purl: Option<&str>) -> Entry {
    let short = text(component, "name").unwrap_or_default();
    let is_maven = purl.is_some_and(|purl| purl.starts_with("pkg:maven/"));
    let name = match text(component, "group") {
        Some(group) if is_maven => format!("{group}:{short}"),
        Some(group) => format!("{group}/{short}"),
        None => short.to_owned(),
    };
    let get = |name: &str| property(component, name);
    let path =
        get("plimsoll:path").or_else(|| get("syft:location:0:path")).or_else(|| get("aquasecurity:trivy:FilePath"));
    let layer = get("plimsoll:layer:diff-id")
        .or_else(|| get("syft:location:0:layerID"))
        .or_else(|| get("aquasecurity:trivy:LayerDiffID"));
    let is_rpm = purl.is_some_and(|purl| purl.starts_with("pkg:rpm/"));
    let vendor = get("plimsoll:vendor").or_else(|| text(component, "publisher").filter(|_| is_rpm));
    Entry {
        purl: purl.map(str::to_owned),
        name,
        version: text(component, "version").map(str::to_owned),
        licences: list(component, "licenses").iter().filter_map(licence).map(str::to_owned).collect(),
        path: path.map(absolute),
        layer: layer.and_then(|digest| digest.parse().ok()),
        layer_number: get("plimsoll:layer").and_then(|number| number.parse().ok()),
        source: get("plimsoll:source").and_then(entry::source).or_else(|| trivys_source(component)),
        vendor: vendor.map(str::to_owned),
        module: get("plimsoll:module").or_else(|| get("syft:metadata:modularityLabel")).map(str::to_owned),
        owner: owner(component),
        inside: get("plimsoll:inside").map(str::to_owned),
        linked: linked(component),
    }
}

/// Trivy writes paths without the slash before them.
pub(super) fn absolute(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}

/// Trivy's four properties for a source package.
fn trivys_source(component: &Value) -> Option<SourcePackage> {
    let get = |name: &str| property(component, &format!("aquasecurity:trivy:Src{name}"));
    let (name, mut version) = (get("Name")?, get("Version")?.to_owned());
    if let Some(release) = get("Release") {
        version = format!("{version}-{release}");
    }
    if let Some(epoch) = get("Epoch").filter(|epoch| *epoch != "0") {
        version = format!("{epoch}:{version}");
    }
    Some(SourcePackage { name: name.to_owned(), version })
}

fn owner(component: &Value) -> Option<Owner> {
    let get = |name: &str| property(component, &format!("plimsoll:owner:{name}")).map(str::to_owned);
    Some(Owner { kind: kind_of(&get("kind")?)?, name: get("name")?, version: get("version")?, vendor: get("vendor") })
}

/// What of a Go module is linked. Where some of its packages are missing, since somebody shortened the document, nothing is
/// known of any.
fn linked(component: &Value) -> Option<LinkedText> {
    let get = |name: &str| property(component, name).map(str::to_owned);
    let number: usize = get("plimsoll:linked")?.parse().ok()?;
    let properties = list(component, "properties").iter();
    let packages = properties.filter(|property| text(property, "name") == Some("plimsoll:linked:package"));
    let packages: Vec<String> = packages.filter_map(|property| text(property, "value")).map(str::to_owned).collect();
    let linked =
        LinkedText { os: get("plimsoll:linked:os"), architecture: get("plimsoll:linked:architecture"), packages };
    (linked.packages.len() == number).then_some(linked)
}

/// An identifier, a name or an expression.
fn licence(choice: &Value) -> Option<&str> {
    let licence = choice.get("license");
    text(choice, "expression").or_else(|| text(licence?, "id")).or_else(|| text(licence?, "name"))
}

fn release(component: &Value) -> Release {
    let get = |name: &str| property(component, name).map(str::to_owned);
    let like = list(component, "properties").iter().filter(|property| {
        let name = text(property, "name").unwrap_or_default();
        name == "plimsoll:distribution:like" || name.starts_with("syft:distro:idLike:")
    });
    let named = text(component, "version").map(str::to_owned);
    Release {
        id: get("syft:distro:id").or_else(|| text(component, "name").map(str::to_lowercase)).unwrap_or_default(),
        version_id: get("syft:distro:versionID").or(named).unwrap_or_default(),
        codename: get("plimsoll:distribution:codename").or_else(|| get("syft:distro:versionCodename")),
        id_like: like.filter_map(|property| text(property, "value")).map(str::to_owned).collect(),
        pretty_name: get("syft:distro:prettyName").or_else(|| text(component, "description").map(str::to_owned)),
    }
}

/// What the document is about, with its layers.
pub(super) fn metadata(metadata: &Value, collector: &mut Collector<'_>) {
    let Some(subject) = metadata.get("component") else { return };
    collector.subject = text(subject, "name").map(str::to_owned);
    collector.platform = property(subject, "plimsoll:platform").map(str::to_owned);
    let properties = || {
        list(subject, "properties")
            .iter()
            .filter_map(|property| Some((text(property, "name")?, text(property, "value")?)))
    };
    for (name, value) in properties() {
        match name {
            "aquasecurity:trivy:DiffID" => collector.layer(value, None),
            "plimsoll:warning" => collector.warnings.push(value.to_owned()),
            "plimsoll:content-set" => collector.content_sets.push(value.to_owned()),
            "plimsoll:layer:unverified" => collector.unverified.extend(value.parse::<usize>().ok()),
            _ => {
                if let Some(number) =
                    name.strip_prefix("plimsoll:layer:").and_then(|rest| rest.strip_suffix(":diff-id"))
                {
                    let line = property(subject, &format!("plimsoll:layer:{number}:created-by"));
                    collector.layer(value, line.map(str::to_owned));
                }
            }
        }
    }
    for nested in list(subject, "components") {
        component(nested, collector);
    }
}

fn property<'a>(component: &'a Value, name: &str) -> Option<&'a str> {
    let found = list(component, "properties").iter().find(|property| text(property, "name") == Some(name));
    found.and_then(|property| text(property, "value"))
}
