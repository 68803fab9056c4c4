//! SPDX 2.2 and 2.3 as lines of `Tag: value` (spdx-spec, "Tag-value"). A package's lines become what the JSON says of
//! it, so that one reader serves both.

use serde_json::{Map, Value, json};

use super::collector::Collector;
use super::{SbomError, spdx};

/// Most external references, annotations and attributions of a package that are kept.
const MOST: usize = 1000;

/// Whether the text begins as such a document does: with tags and comments, `SPDXVersion` among the first.
pub(super) fn is_one(text: &[u8]) -> bool {
    let lines = text.split(|byte| *byte == b'\n').take(200);
    lines.map(<[u8]>::trim_ascii).any(|line| line.starts_with(b"SPDXVersion:"))
}

/// Reads a document and gives its format.
pub(super) fn read(text: &[u8], collector: &mut Collector<'_>) -> Result<String, SbomError> {
    let text = String::from_utf8_lossy(text);
    let mut document = spdx::Document::default();
    let mut package: Option<Map<String, Value>> = None;
    let mut version = String::new();
    for (tag, value) in (Tags { rest: &text }) {
        match tag {
            "SPDXVersion" => version = value.chars().take(20).collect(),
            "PackageName" => {
                end(package.take(), &mut document, collector);
                package = Some(Map::from_iter([("name".to_owned(), Value::from(value))]));
            }
            // A file, a snippet, a licence or the document again: the package is over.
            "FileName" | "SnippetSPDXID" | "LicenseID" => end(package.take(), &mut document, collector),
            "Relationship" => {
                let words: Vec<_> = value.split_whitespace().collect();
                if let [element, kind, related] = words[..] {
                    document.relationship(&json!({
                        "spdxElementId": element, "relationshipType": kind, "relatedSpdxElement": related,
                    }));
                }
            }
            _ => {
                if let Some(package) = &mut package {
                    field(package, tag, value);
                }
            }
        }
    }
    end(package, &mut document, collector);
    document.finish(collector);
    if !version.starts_with("SPDX-2.") {
        return Err(SbomError::Unsupported("SPDX of another version", "write SPDX 2.3 or CycloneDX"));
    }
    Ok(format!("{} tag-value", version.replace('-', " ")))
}

fn end(package: Option<Map<String, Value>>, document: &mut spdx::Document, collector: &mut Collector<'_>) {
    if let Some(package) = package {
        document.package(&Value::Object(package), collector);
    }
}

/// A tag of a package, under the name that the JSON has for it.
fn field(package: &mut Map<String, Value>, tag: &str, value: &str) {
    let name = match tag {
        "SPDXID" => "SPDXID",
        "PackageVersion" => "versionInfo",
        "PackageSupplier" => "supplier",
        "PackageSourceInfo" => "sourceInfo",
        "PackageLicenseDeclared" => "licenseDeclared",
        "PackageSummary" => "summary",
        "PrimaryPackagePurpose" => "primaryPackagePurpose",
        "PackageAttributionText" => return push(package, "attributionTexts", value.into()),
        "AnnotationComment" => return push(package, "annotations", json!({ "comment": value })),
        "ExternalRef" => {
            let words: Vec<_> = value.split_whitespace().collect();
            if let [category, kind, locator] = words[..] {
                let reference = json!({
                    "referenceCategory": category, "referenceType": kind, "referenceLocator": locator,
                });
                push(package, "externalRefs", reference);
            }
            return;
        }
        _ => return,
    };
    package.insert(name.to_owned(), value.into());
}

fn push(package: &mut Map<String, Value>, field: &str, value: Value) {
    let list = package.entry(field).or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(list) = list
        && list.len() < MOST
    {
        list.push(value);
    }
}

/// Tags with their values, texts over several lines included.
struct Tags<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Tags<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<(&'a str, &'a str)> {
        while !self.rest.is_empty() {
            let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
            let tagged = line.split_once(':').filter(|(tag, _)| !tag.trim_start().starts_with('#'));
            let Some((tag, value)) = tagged else {
                self.rest = rest;
                continue;
            };
            let value = value.trim();
            let Some(opened) = value.strip_prefix("<text>") else {
                self.rest = rest;
                return Some((tag.trim(), value));
            };
            // Where the text really begins, to find its end also lines below.
            let begin = opened.as_ptr() as usize - self.rest.as_ptr() as usize;
            let behind = &self.rest[begin..];
            let (text, rest) = behind.split_once("</text>").unwrap_or((behind, ""));
            self.rest = rest;
            return Some((tag.trim(), text.trim()));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_may_have_several_lines_and_never_ends_the_document() {
        let tags: Vec<_> = Tags { rest: "# a: b\nA: 1\n B :<text>x: y\nz</text>\nC: <text>open\nD: 4" }.collect();
        assert_eq!(tags, [("A", "1"), ("B", "x: y\nz"), ("C", "open\nD: 4")]);
    }
}
