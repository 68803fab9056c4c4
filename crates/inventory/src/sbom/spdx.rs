//! SPDX 2.2 and 2.3 (spdx.github.io/spdx-spec): packages with a package URL among their external references.

use serde_json::Value;

use super::collector::Collector;
use super::cyclonedx::absolute;
use super::entry::{self, Entry, list, text};
use crate::package::{Owner, SourcePackage};
use crate::{LinkedText, Release};

/// Most packages of which it is kept that they have no package URL, and most that a document is about.
const MOST_NAMELESS: usize = 1000;

/// What is known of a document beside its packages.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// Packages without a package URL, until it is known whether they are what the document is about.
    nameless: Vec<(String, Entry)>,
    /// Identifiers of what the document is about.
    described: Vec<String>,
}

impl Document {
    /// A package.
    pub(super) fn package(&mut self, package: &Value, collector: &mut Collector<'_>) {
        let own = own_words(package);
        match text(package, "primaryPackagePurpose").map(|purpose| purpose.replace('_', "-")).as_deref() {
            Some("OPERATING-SYSTEM") => return collector.distribution(release(package, own.as_ref())),
            Some("CONTAINER" | "FILE" | "SOURCE" | "ARCHIVE" | "DEVICE" | "FIRMWARE")
                if own.is_some() || purl(package).is_none() =>
            {
                if let Some(own) = own.filter(|own| text(own, "subject").is_some()) {
                    subject(package, &own, collector);
                }
                return;
            }
            // Trivy's `package-lock.json`: what is in it stands beside it.
            Some("APPLICATION") if purl(package).is_none() => return,
            _ => {}
        }
        let purl = purl(package);
        let entry = entry_of(package, purl, own.as_ref());
        match text(package, "SPDXID") {
            Some(id) if purl.is_none() && self.nameless.len() < MOST_NAMELESS => {
                self.nameless.push((id.to_owned(), entry));
            }
            _ => collector.take(entry),
        }
    }

    /// A relationship: what the document describes is no package of it, though it may stand among them.
    pub(super) fn relationship(&mut self, relationship: &Value) {
        let is_about = text(relationship, "relationshipType") == Some("DESCRIBES")
            && text(relationship, "spdxElementId") == Some("SPDXRef-DOCUMENT");
        if let Some(id) = text(relationship, "relatedSpdxElement").filter(|_| is_about) {
            self.describes(id);
        }
    }

    /// The same in its short form, `documentDescribes`.
    pub(super) fn describes(&mut self, id: &str) {
        if self.described.len() < MOST_NAMELESS {
            self.described.push(id.to_owned());
        }
    }

    pub(super) fn finish(self, collector: &mut Collector<'_>) {
        for (id, entry) in self.nameless {
            if !self.described.contains(&id) {
                collector.take(entry);
            }
        }
    }
}

fn purl(package: &Value) -> Option<&str> {
    let of_type = |kind: &'static str| {
        list(package, "externalRefs").iter().filter(move |reference| text(reference, "referenceType") == Some(kind))
    };
    of_type("purl").find_map(|reference| text(reference, "referenceLocator"))
}

/// What Plimsoll says in an annotation of its own.
fn own_words(package: &Value) -> Option<Value> {
    let comments = list(package, "annotations").iter().filter_map(|annotation| text(annotation, "comment"));
    comments.filter_map(|comment| comment.strip_prefix("plimsoll ")).find_map(|json| serde_json::from_str(json).ok())
}

fn entry_of(package: &Value, purl: Option<&str>, own: Option<&Value>) -> Entry {
    let get = |field: &str| own.and_then(|own| text(own, field)).map(str::to_owned);
    let own_licences = own.map_or(&[][..], |own| list(own, "licences")).iter().filter_map(Value::as_str);
    let declared = text(package, "licenseDeclared").filter(|declared| !matches!(*declared, "NOASSERTION" | "NONE"));
    let licences = match own {
        Some(_) => own_licences.map(str::to_owned).collect(),
        None => declared.map(str::to_owned).into_iter().collect(),
    };
    let told = text(package, "sourceInfo").unwrap_or_default();
    let is_rpm = purl.is_some_and(|purl| purl.starts_with("pkg:rpm/"));
    let supplier = text(package, "supplier").and_then(|supplier| supplier.strip_prefix("Organization: "));
    Entry {
        purl: purl.map(str::to_owned),
        name: text(package, "name").unwrap_or_default().to_owned(),
        version: text(package, "versionInfo").map(str::to_owned),
        licences,
        path: get("path").or_else(|| syfts_path(told).map(absolute)),
        layer: trivys_layer(package).and_then(|digest| digest.parse().ok()),
        layer_number: own.and_then(|own| own.get("layer")?.as_u64()).and_then(|layer| usize::try_from(layer).ok()),
        source: get("source").as_deref().and_then(entry::source).or_else(|| trivys_source(told)),
        vendor: get("vendor").or_else(|| supplier.filter(|_| is_rpm && own.is_none()).map(str::to_owned)),
        module: get("module"),
        inside: get("inside"),
        owner: own.and_then(|own| serde_json::from_value::<Owner>(own.get("owner")?.clone()).ok()),
        linked: own.and_then(|own| serde_json::from_value::<LinkedText>(own.get("linked")?.clone()).ok()),
    }
}

/// `acquired package info from DPKG DB: /var/lib/dpkg/status, /usr/share/doc/…`
fn syfts_path(source_info: &str) -> Option<&str> {
    let (_, paths) = source_info.strip_prefix("acquired package info from ")?.split_once(": ")?;
    paths.split(", ").next().filter(|path| !path.is_empty())
}

/// `built package from: util-linux 2.38.1-5+deb12u1`
fn trivys_source(source_info: &str) -> Option<SourcePackage> {
    let (name, version) = source_info.strip_prefix("built package from: ")?.rsplit_once(' ')?;
    Some(SourcePackage { name: name.to_owned(), version: version.to_owned() })
}

/// `LayerDiffID: sha256:…` among attribution texts, in later versions among annotations.
fn trivys_layer(package: &Value) -> Option<&str> {
    let attributed = list(package, "attributionTexts").iter().filter_map(Value::as_str);
    let annotated = list(package, "annotations").iter().filter_map(|annotation| text(annotation, "comment"));
    attributed.chain(annotated).find_map(|text| text.strip_prefix("LayerDiffID: "))
}

fn release(package: &Value, own: Option<&Value>) -> Release {
    let like = own.map_or(&[][..], |own| list(own, "like")).iter().filter_map(Value::as_str);
    Release {
        id: text(package, "name").unwrap_or_default().to_lowercase(),
        version_id: text(package, "versionInfo").unwrap_or_default().to_owned(),
        codename: own.and_then(|own| text(own, "codename")).map(str::to_owned),
        id_like: like.map(str::to_owned).collect(),
        pretty_name: text(package, "summary").map(str::to_owned),
    }
}

/// What a document of our own is about.
fn subject(package: &Value, own: &Value, collector: &mut Collector<'_>) {
    collector.subject = text(package, "name").map(str::to_owned);
    collector.platform = text(own, "platform").map(str::to_owned);
    let mut history = list(own, "history").iter().map(|line| line.as_str().map(str::to_owned));
    for digest in list(own, "layers").iter().filter_map(Value::as_str) {
        collector.layer(digest, history.next().flatten());
    }
    collector.warnings.extend(list(own, "warnings").iter().filter_map(Value::as_str).map(str::to_owned));
    collector.content_sets.extend(list(own, "content_sets").iter().filter_map(Value::as_str).map(str::to_owned));
    let unverified = list(own, "unverified").iter().filter_map(Value::as_u64);
    collector.unverified.extend(unverified.filter_map(|layer| usize::try_from(layer).ok()));
}
