//! SPDX 2.3 as JSON (ISO/IEC 5962's successor, spdx.github.io/spdx-spec/v2.3): packages with package URLs, findings as
//! external references of category SECURITY.
//!
//! The same report gives the same bytes: its time is the report's, and the namespace is made of the content. What SPDX
//! has no field for stands in one annotation a package, as JSON behind the word `plimsoll`.

mod packages;

use serde::Serialize;

use self::packages::{Licences, Package, Relationship};
use super::bill::{Bill, Names, TOOL, TOOL_VERSION, encoded, uuid_of};
use crate::escape;

/// The time of a document that has none; the format does not go without.
const NO_TIME: &str = "1970-01-01T00:00:00Z";

/// The bill as SPDX, indented, with a line feed at its end.
pub fn spdx(bill: &Bill<'_>) -> serde_json::Result<Vec<u8>> {
    let names = Names::of(&bill.inventory.packages);
    let mut licences = Licences::default();
    let packages = packages::packages(bill, &names, &mut licences);
    let mut relationships = vec![Relationship::describes()];
    relationships.extend(packages.iter().skip(1).map(Package::contained));
    let mut document = Document {
        spdx_version: "SPDX-2.3",
        data_license: "CC0-1.0",
        id: "SPDXRef-DOCUMENT",
        name: bill.name,
        namespace: String::new(),
        creation_info: CreationInfo { created: time(bill), creators: [creator()] },
        packages,
        has_extracted_licensing_infos: licences.extracted(),
        relationships,
    };
    let uuid = uuid_of(&serde_json::to_vec(&document)?);
    // The form that the specification recommends to who has no site of documents (section 6.5).
    document.namespace = format!("https://spdx.org/spdxdocs/{}-{uuid}", encoded(bill.name));
    let mut text = escape::json(serde_json::to_string_pretty(&document)?);
    text.push('\n');
    Ok(text.into_bytes())
}

/// What made the document (section 6.8).
fn creator() -> String {
    format!("Tool: {TOOL}-{TOOL_VERSION}")
}

fn time<'a>(bill: &Bill<'a>) -> &'a str {
    if bill.made_at.is_empty() { NO_TIME } else { bill.made_at }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    spdx_version: &'static str,
    data_license: &'static str,
    #[serde(rename = "SPDXID")]
    id: &'static str,
    name: &'a str,
    #[serde(rename = "documentNamespace")]
    namespace: String,
    creation_info: CreationInfo<'a>,
    packages: Vec<Package<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    has_extracted_licensing_infos: Vec<packages::Extracted>,
    relationships: Vec<Relationship>,
}

#[derive(Serialize)]
struct CreationInfo<'a> {
    created: &'a str,
    creators: [String; 1],
}
