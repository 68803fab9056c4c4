//! CISA's catalog of known exploited vulnerabilities: one JSON object.
//!
//! Source: <https://www.cisa.gov/known-exploited-vulnerabilities-catalog>, its JSON schema beside it.

use serde::Deserialize;

use super::{Sink, SourceError};
use crate::enrichment::{Enrichment, Kev, cve_number};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Catalog {
    date_released: String,
    vulnerabilities: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(rename = "cveID")]
    cve: String,
    date_added: String,
    #[serde(default)]
    due_date: Option<String>,
    #[serde(default)]
    known_ransomware_campaign_use: Option<String>,
}

/// Whether a JSON object that is no OSV record may be the catalog.
pub(super) fn is_catalog(json: &[u8]) -> bool {
    let has = |key: &[u8]| memchr::memmem::find(json, key).is_some();
    has(b"\"vulnerabilities\"") && has(b"\"cveID\"") && has(b"\"dateReleased\"")
}

/// Reads the catalog; tells how many entries it has.
pub(super) fn read(name: &str, json: &[u8], sink: &mut dyn Sink) -> Result<u64, SourceError> {
    let catalog: Catalog = match serde_json::from_slice(json) {
        Ok(catalog) => catalog,
        Err(error) => {
            sink.skipped(name, format!("it looks like CISA's catalog and is not: {error}"));
            return Ok(1);
        }
    };
    if !is_day(&catalog.date_released) {
        sink.skipped(name, format!("the catalog was released {:?}, which is no day", short(&catalog.date_released)));
        return Ok(1);
    }
    let mut entries = 0;
    for (number, entry) in catalog.vulnerabilities.into_iter().enumerate() {
        entries += 1;
        let due = entry.due_date.filter(|due| !due.is_empty());
        if cve_number(&entry.cve).is_none() || !is_day(&entry.date_added) || due.iter().any(|due| !is_day(due)) {
            let reason = format!("{:?} with the day {:?} is no entry", short(&entry.cve), short(&entry.date_added));
            sink.skipped(&format!("{name}#{}", number + 1), reason);
            continue;
        }
        let ransomware = entry.known_ransomware_campaign_use.is_some_and(|said| said.eq_ignore_ascii_case("known"));
        let kev = Kev { cve: entry.cve, added: entry.date_added, due, ransomware };
        sink.exploited(&kev).map_err(|source| SourceError::Keep { name: name.to_owned(), source })?;
    }
    sink.dated(Enrichment::Kev, &catalog.date_released);
    Ok(entries)
}

/// `2025-08-25`, whatever comes behind it.
pub(super) fn is_day(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 10
        && bytes.len() <= 40
        && bytes.iter().all(u8::is_ascii_graphic)
        && bytes[..10].iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

pub(super) fn short(text: &str) -> String {
    text.chars().take(60).collect()
}
