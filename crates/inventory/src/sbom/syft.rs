//! Syft's own JSON (github.com/anchore/syft, `schema/json`): artifacts, the layers of its source, the distribution.

use serde_json::Value;

use super::collector::Collector;
use super::entry::{Entry, list, text};
use crate::Release;

/// An artifact.
pub(super) fn artifact(artifact: &Value, collector: &mut Collector<'_>) {
    let purl = text(artifact, "purl");
    let metadata = artifact.get("metadata").unwrap_or(&Value::Null);
    let location = list(artifact, "locations").first().unwrap_or(&Value::Null);
    let licences = list(artifact, "licenses").iter().filter_map(|licence| {
        licence.as_str().or_else(|| text(licence, "value")).or_else(|| text(licence, "spdxExpression"))
    });
    let is_rpm = purl.is_some_and(|purl| purl.starts_with("pkg:rpm/"));
    collector.take(Entry {
        purl: purl.map(str::to_owned),
        name: text(artifact, "name").unwrap_or_default().to_owned(),
        version: text(artifact, "version").map(str::to_owned),
        licences: licences.map(str::to_owned).collect(),
        path: text(location, "path").map(str::to_owned),
        layer: text(location, "layerID").and_then(|digest| digest.parse().ok()),
        vendor: text(metadata, "vendor").filter(|_| is_rpm).map(str::to_owned),
        module: text(metadata, "modularityLabel").map(str::to_owned),
        ..Entry::default()
    });
}

/// `source`: what was scanned. A digest of its layers is that of the uncompressed bytes.
pub(super) fn source(source: &Value, collector: &mut Collector<'_>) {
    // Before schema 11 it stood in `target`.
    let about = source.get("metadata").or_else(|| source.get("target")).unwrap_or(&Value::Null);
    let name = text(about, "userInput").or_else(|| text(source, "name"));
    collector.subject = name.map(str::to_owned);
    for layer in list(about, "layers") {
        if let Some(digest) = text(layer, "digest") {
            collector.layer(digest, None);
        }
    }
}

/// `distro`: the fields of os-release.
pub(super) fn distro(distro: &Value, collector: &mut Collector<'_>) {
    let like = match distro.get("idLike") {
        Some(Value::String(like)) => like.split_whitespace().map(str::to_owned).collect(),
        Some(Value::Array(like)) => like.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let id = text(distro, "id").or_else(|| text(distro, "name")).unwrap_or_default();
    let version = text(distro, "versionID").or_else(|| text(distro, "version")).unwrap_or_default();
    collector.distribution(Release {
        id: id.to_lowercase(),
        version_id: version.to_owned(),
        codename: text(distro, "versionCodename").map(str::to_owned),
        id_like: like,
        pretty_name: text(distro, "prettyName").map(str::to_owned),
    });
}
