//! CycloneDX 1.6 as JSON (ECMA-424, first edition): packages as components, findings as vulnerabilities.
//!
//! The same report gives the same bytes: its time is the report's, and the serial number is made of the content. What
//! CycloneDX has no field for stands in properties named `plimsoll:…`; `docs/scanning.md` lists them. A document that
//! is read back (`sbom:FILE`) gives the packages that it was made from.

mod components;
mod vulnerabilities;

use serde::Serialize;

use self::components::Component;
use self::vulnerabilities::Vulnerability;
use super::bill::{Bill, Names, TOOL, TOOL_VERSION, uuid_of};
use crate::escape;

/// The bill as CycloneDX, indented, with a line feed at its end.
pub fn cyclonedx(bill: &Bill<'_>) -> serde_json::Result<Vec<u8>> {
    let names = Names::of(&bill.inventory.packages);
    let mut document = Document {
        schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
        bom_format: "CycloneDX",
        spec_version: "1.6",
        serial_number: None,
        version: 1,
        metadata: Metadata {
            timestamp: Some(bill.made_at).filter(|time| !time.is_empty()),
            tools: Tools { components: [Tool { kind: "application", name: TOOL, version: TOOL_VERSION }] },
            component: components::subject(bill),
        },
        components: components::components(bill, &names),
        vulnerabilities: vulnerabilities::vulnerabilities(bill, &names),
    };
    document.serial_number = Some(format!("urn:uuid:{}", uuid_of(&serde_json::to_vec(&document)?)));
    let mut text = escape::json(serde_json::to_string_pretty(&document)?);
    text.push('\n');
    Ok(text.into_bytes())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    bom_format: &'static str,
    spec_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial_number: Option<String>,
    version: u32,
    metadata: Metadata<'a>,
    components: Vec<Component<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vulnerabilities: Vec<Vulnerability<'a>>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<&'a str>,
    tools: Tools,
    component: Component<'a>,
}

#[derive(Serialize)]
struct Tools {
    components: [Tool; 1],
}

#[derive(Serialize)]
struct Tool {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'static str,
    version: &'static str,
}

/// A name and a value of our own.
#[derive(Serialize)]
struct Property {
    name: String,
    value: String,
}

fn property(name: &str, value: impl Into<String>) -> Property {
    Property { name: format!("plimsoll:{name}"), value: value.into() }
}
