//! Our own JSON, of `plimsoll sbom` and `plimsoll scan` (`docs/report.schema.json`).

use serde_json::Value;

use super::collector::Collector;
use super::entry::{Entry, LinkedEntry, list, text};
use crate::Release;
use crate::package::{Owner, SourcePackage};

/// Whether an entry of `packages` is one of ours: those of SPDX have no such field.
pub(super) fn is_package(entry: &Value) -> bool {
    text(entry, "purl").is_some()
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
        layer_number: package.get("layer").and_then(Value::as_u64).and_then(|layer| usize::try_from(layer).ok()),
        source: package.get("source").and_then(source),
        vendor: get("vendor"),
        module: get("module"),
        inside: get("inside"),
        owner: package.get("owner").and_then(|owner| serde_json::from_value::<Owner>(owner.clone()).ok()),
        linked: package.get("linked").and_then(LinkedEntry::of_json),
    });
}

fn source(source: &Value) -> Option<SourcePackage> {
    Some(SourcePackage { name: text(source, "name")?.to_owned(), version: text(source, "version")?.to_owned() })
}

/// `image`: what it is a list of.
pub(super) fn image(image: &Value, collector: &mut Collector<'_>) {
    collector.subject = text(image, "name").map(str::to_owned);
    collector.platform = text(image, "platform").map(str::to_owned);
    for layer in list(image, "layers") {
        let line = text(layer, "created_by").map(str::to_owned);
        collector.layer(text(layer, "diff_id").unwrap_or_default(), line);
    }
    collector.content_sets.extend(list(image, "content_sets").iter().filter_map(Value::as_str).map(str::to_owned));
    if let Some(distribution) = image.get("distribution").filter(|distribution| distribution.is_object()) {
        let get = |field: &str| text(distribution, field).map(str::to_owned);
        collector.distribution(Release {
            id: get("id").unwrap_or_default(),
            version_id: get("version").unwrap_or_default(),
            codename: get("codename"),
            id_like: list(distribution, "like").iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            pretty_name: get("name"),
        });
    }
}

/// `unverified_layers`.
pub(super) fn unverified(layers: &Value, collector: &mut Collector<'_>) {
    let layers = layers.as_array().into_iter().flatten().filter_map(Value::as_u64);
    collector.unverified.extend(layers.filter_map(|layer| usize::try_from(layer).ok()));
}

/// `warnings`.
pub(super) fn warnings(warnings: &Value, collector: &mut Collector<'_>) {
    let warnings = warnings.as_array().into_iter().flatten().filter_map(Value::as_str);
    collector.warnings.extend(warnings.map(str::to_owned));
}
