//! Plimsoll's own JSON (docs/report.schema.json): of `plimsoll sbom`, and of `plimsoll scan`, whose findings are not read.

use serde_json::Value;

use super::collector::Collector;
use super::entry::{Entry, list, text};
use super::package_url::kind_of;
use crate::Release;
use crate::package::{Owner, SourcePackage};

/// Whether an entry of `packages` is one of ours; SPDX has a list of that name, too.
pub(super) fn is_package(entry: &Value) -> bool {
    text(entry, "purl").is_some() && text(entry, "kind").is_some()
}

/// A package.
pub(super) fn package(package: &Value, collector: &mut Collector<'_>) {
    let get = |field: &str| text(package, field).map(str::to_owned);
    collector.take(Entry {
        purl: get("purl"),
        name: get("name").unwrap_or_default(),
        version: get("version"),
        licences: list(package, "licences").iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        path: get("path"),
        layer: None,
        layer_number: number(package.get("layer")),
        source: package.get("source").and_then(source),
        vendor: get("vendor"),
        module: get("module"),
        owner: package.get("owner").and_then(owner),
        inside: get("inside"),
        linked: package.get("linked").and_then(|linked| serde_json::from_value(linked.clone()).ok()),
    });
}

/// What it is a list of, its distribution and its layers.
pub(super) fn image(image: &Value, collector: &mut Collector<'_>) {
    collector.subject = text(image, "name").map(str::to_owned);
    collector.platform = text(image, "platform").map(str::to_owned);
    for layer in list(image, "layers") {
        collector.layer(text(layer, "diff_id").unwrap_or_default(), text(layer, "created_by").map(str::to_owned));
    }
    collector.content_sets.extend(list(image, "content_sets").iter().filter_map(Value::as_str).map(str::to_owned));
    if let Some(distribution) = image.get("distribution").filter(|distribution| distribution.is_object()) {
        let get = |field: &str| text(distribution, field).map(str::to_owned);
        collector.release_told = distribution.get("told").and_then(Value::as_bool).unwrap_or_default();
        collector.distribution(Release {
            id: get("id").unwrap_or_default(),
            version_id: get("version").unwrap_or_default(),
            codename: get("codename"),
            id_like: list(distribution, "like").iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            pretty_name: get("name"),
        });
    }
}

/// A place in a list.
pub(super) fn number(value: Option<&Value>) -> Option<usize> {
    value.and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok())
}

fn source(source: &Value) -> Option<SourcePackage> {
    Some(SourcePackage { name: text(source, "name")?.to_owned(), version: text(source, "version")?.to_owned() })
}

fn owner(owner: &Value) -> Option<Owner> {
    let get = |field: &str| text(owner, field).map(str::to_owned);
    Some(Owner { kind: kind_of(&get("kind")?)?, name: get("name")?, version: get("version")?, vendor: get("vendor") })
}
