//! What a bill of materials is made from: a report, or an inventory of which nobody asked what is wrong with it.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use image::Digest;
use inventory::package::{Located, Package};
use inventory::{Inventory, LinkedText, PackageKind};

use crate::{About, Finding, Report, Subject};

/// The name under which this program signs what it writes.
pub(super) const TOOL: &str = "plimsoll";
/// Its version.
pub(super) const TOOL_VERSION: &str = env!("CARGO_PKG_VERSION");
/// Longest text that is taken over from an advisory or a history line, in characters.
const LONGEST_TEXT: usize = 4096;

/// A list of packages, what it is a list of, and what was found in them.
#[derive(Clone, Debug)]
pub struct Bill<'a> {
    pub(super) name: &'a str,
    pub(super) subject: Subject,
    pub(super) digest: &'a Digest,
    pub(super) platform: &'a str,
    /// RFC 3339, UTC.
    pub(super) made_at: &'a str,
    pub(super) history: &'a [Option<String>],
    pub(super) inventory: &'a Inventory,
    pub(super) findings: &'a [Finding],
    pub(super) suppressed: &'a [Finding],
}

impl<'a> Bill<'a> {
    /// The packages and findings of a report; those that do not count only where `all` are asked for.
    pub fn of_report(report: &'a Report, all: bool) -> Self {
        Self {
            name: &report.name,
            subject: report.subject,
            digest: &report.digest,
            platform: &report.platform,
            made_at: &report.scanned_at,
            history: &report.history,
            inventory: &report.inventory,
            findings: &report.findings,
            suppressed: if all { &report.suppressed } else { &[] },
        }
    }

    /// The packages alone.
    pub fn of_inventory(about: &'a About, inventory: &'a Inventory) -> Self {
        Self {
            name: &about.name,
            subject: about.subject,
            digest: &about.digest,
            platform: &about.platform,
            made_at: &about.scanned_at,
            history: &about.history,
            inventory,
            findings: &[],
            suppressed: &[],
        }
    }

    /// Findings that count and those that do not, in this order.
    pub(super) fn all_findings(&self) -> impl Iterator<Item = &'a Finding> + use<'a> {
        self.findings.iter().chain(self.suppressed)
    }

    /// Whether the digest names bytes that others can hash, too.
    pub(super) fn has_digest(&self) -> bool {
        self.subject != Subject::Folder
    }
}

/// A name for each package that is unique in its document: the package URL, and where a package is there several times
/// the number of its place.
#[derive(Debug)]
pub(super) struct Names<'a> {
    /// In the inventory's order.
    pub(super) of_packages: Vec<String>,
    by_place: HashMap<Place<'a>, usize>,
}

/// Package URL, file, place inside that, and layer.
type Place<'a> = (&'a str, &'a str, Option<&'a str>, usize);

fn place(located: &Located) -> Place<'_> {
    (&located.purl, &located.path, located.package.inside.as_deref(), located.layer)
}

impl<'a> Names<'a> {
    pub(super) fn of(packages: &'a [Located]) -> Self {
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        let mut by_place = HashMap::with_capacity(packages.len());
        let mut of_packages = Vec::with_capacity(packages.len());
        for (number, located) in packages.iter().enumerate() {
            let time = times.entry(&located.purl).or_default();
            *time += 1;
            of_packages.push(if *time == 1 { located.purl.clone() } else { format!("{}#{time}", located.purl) });
            by_place.insert(place(located), number);
        }
        Self { of_packages, by_place }
    }

    /// The place in the inventory of the package that a finding is about.
    pub(super) fn place_of(&self, located: &Located) -> Option<usize> {
        self.by_place.get(&place(located)).copied()
    }
}

/// What is linked of each Go module, by executable and module, in the room that a bill has for it.
pub(super) fn linked(inventory: &Inventory) -> HashMap<(&str, &str), LinkedText> {
    let mut room = LinkedText::ROOM;
    let of = |(_, linked): &(String, inventory::Linked)| LinkedText::of(linked, &mut room);
    let texts: Vec<LinkedText> = inventory.linked.iter().map(of).collect();
    let names = inventory.linked.iter().map(|(path, linked)| (path.as_str(), linked.module.as_str()));
    names.zip(texts).collect()
}

/// Group (`org.apache.logging.log4j`) and name, where the format has both.
pub(super) fn group_and_name(package: &Package) -> (Option<&str>, &str) {
    match (package.kind, package.name.split_once(':')) {
        (PackageKind::Maven, Some((group, name))) => (Some(group), name),
        _ => (None, &package.name),
    }
}

/// A UUID that is the same for the same content (RFC 9562, version 8: of the first bytes of its SHA-256).
pub(super) fn uuid_of(content: &[u8]) -> String {
    let digest = Digest::sha256(content);
    let hex = digest.hex();
    // Version 8 and the variant of the RFC take the place of six bits.
    let variant = ['8', '9', 'a', 'b'][usize::from(hex.as_bytes()[16] % 4)];
    format!("{}-{}-8{}-{variant}{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

/// A text of an advisory, cut where it would be a book.
pub(super) fn clipped(text: &str) -> String {
    match text.char_indices().nth(LONGEST_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// An address that may be followed: of the web, without what a browser would have to guess.
pub(super) fn link(url: &str) -> Option<&str> {
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"{}|\\^`".contains(&byte));
    (is_web && is_plain && url.len() < 2048).then_some(url)
}

/// The database that gives out such ids, and its page about one.
pub(super) fn database(id: &str) -> (&'static str, String) {
    let page = |base: &str| format!("{base}{}", encoded(id));
    match id.split_once('-').map_or("", |(prefix, _)| prefix) {
        "CVE" => ("NVD", page("https://nvd.nist.gov/vuln/detail/")),
        "GHSA" => ("GitHub Advisory Database", page("https://github.com/advisories/")),
        "DSA" | "DLA" => ("Debian", page("https://security-tracker.debian.org/tracker/")),
        "GO" => ("Go Vulnerability Database", page("https://pkg.go.dev/vuln/")),
        "RUSTSEC" => ("RustSec", format!("https://rustsec.org/advisories/{}.html", encoded(id))),
        _ => ("OSV", page("https://osv.dev/vulnerability/")),
    }
}

/// A part of an address.
pub(super) fn encoded(text: &str) -> String {
    let mut address = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:@+".contains(&byte) {
            address.push(char::from(byte));
        } else {
            let _ = write!(address, "%{byte:02X}");
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_of_its_content_and_has_the_form_of_one() {
        let uuid = uuid_of(b"content");
        assert_eq!(uuid, uuid_of(b"content"));
        assert_ne!(uuid, uuid_of(b"contents"));
        let lengths: Vec<_> = uuid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!(uuid.as_bytes()[14], b'8');
        assert!(b"89ab".contains(&uuid.as_bytes()[19]));
    }

    #[test]
    fn only_addresses_of_the_web_are_links() {
        assert_eq!(link("https://osv.dev/X"), Some("https://osv.dev/X"));
        for bad in ["javascript:alert(1)", "https://a b", "https://a\u{202e}", "", "https://\"><script>"] {
            assert_eq!(link(bad), None, "{bad}");
        }
    }
}
