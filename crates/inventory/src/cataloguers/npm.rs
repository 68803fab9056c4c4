//! npm: the `package.json` of each package that is installed under a `node_modules` (npm-folders(5)), by whichever of
//! npm, yarn or pnpm, and of those that Debian packages under `/usr/share/nodejs`. A file that pnpm links from its
//! store into several places is one package at each.
//!
//! Directly under it: packages carry further `package.json` files inside (build variants, test fixtures with names of
//! their own), which are no installed packages.

use serde::Deserialize;
use serde_json::Value;

use super::{Cataloguer, Member, Told, Wanted};
use crate::package::{Package, PackageKind};

/// Reads installed npm packages.
pub(super) struct Npm;

/// Longest file that is read; the registry itself holds none of more than some 100 KiB.
const LONGEST: u64 = 4 << 20;

impl Cataloguer for Npm {
    fn id(&self) -> &'static str {
        "npm"
    }

    fn wanted(&self) -> &'static [Wanted] {
        &[
            Wanted::Anywhere("**/node_modules/*/package.json"),
            Wanted::Anywhere("**/node_modules/@*/*/package.json"),
            Wanted::Anywhere("**/share/nodejs/*/package.json"),
            Wanted::Anywhere("**/share/nodejs/@*/*/package.json"),
        ]
    }

    fn catalogue(&self, member: &mut Member<'_>, told: &mut Told) {
        let bytes = match member.bytes(LONGEST) {
            Ok(bytes) => bytes,
            Err(error) => return told.warn(error),
        };
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let manifest: Manifest = match serde_json::from_slice(text) {
            Ok(manifest) => manifest,
            Err(error) => return told.warn(format!("it is not JSON as npm writes it: {error}")),
        };
        // Without both it is no package: a folder's marker such as `{"type": "module"}`.
        let (Some(Value::String(name)), Some(Value::String(version))) = (manifest.name, manifest.version) else {
            return;
        };
        told.package(Package {
            licences: licences(manifest.license, manifest.licenses),
            ..Package::new(PackageKind::Npm, name, version.trim().trim_start_matches(['v', '=']))
        });
    }
}

/// The fields that are read, of whatever type: in twelve years people wrote everything there.
#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    name: Option<Value>,
    #[serde(default)]
    version: Option<Value>,
    #[serde(default)]
    license: Option<Value>,
    #[serde(default)]
    licenses: Option<Value>,
}

/// `"MIT"`, `{"type": "MIT"}`, or a list of either.
fn licences(one_field: Option<Value>, other_field: Option<Value>) -> Vec<String> {
    let one = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Object(mut fields) => fields.remove("type").and_then(|text| text.as_str().map(str::to_owned)),
        _ => None,
    };
    let all = one_field.into_iter().chain(other_field).flat_map(|value| match value {
        Value::Array(values) => values,
        value => vec![value],
    });
    all.filter_map(one).filter(|text| !text.is_empty() && text.len() <= 100).take(10).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::record::Fact;

    fn read(text: &[u8]) -> (Vec<Fact>, Vec<String>) {
        let mut told = Told::default();
        let mut content = Cursor::new(text);
        Npm.catalogue(&mut Member::new("node_modules/x/package.json", text.len() as u64, &mut content), &mut told);
        told.into_parts()
    }

    #[test]
    fn old_ways_to_write_licences_are_read() {
        let text = br#"{"name": "@a/b", "version": "v1.0.0", "license": {"type": "MIT", "url": "x"},
                        "licenses": ["ISC", {"type": "BSD"}], "scripts": {"x": ["y", 1, null]}}"#;
        let (facts, warnings) = read(text);
        assert!(warnings.is_empty(), "{warnings:?}");
        let [Fact::Package(package)] = &facts[..] else { panic!("{facts:?}") };
        assert_eq!((package.name.as_str(), package.version.as_str()), ("@a/b", "1.0.0"));
        assert_eq!(package.licences, ["MIT", "ISC", "BSD"]);
    }

    #[test]
    fn a_marker_is_no_package_and_no_warning() {
        assert_eq!(read(br#"{"type": "module"}"#), (vec![], vec![]));
        assert_eq!(read(br#"{"name": 3, "version": {}}"#), (vec![], vec![]));
        assert_eq!(read(br#"{"name": null, "version": null}"#), (vec![], vec![]));
    }

    #[test]
    fn what_is_no_json_is_a_warning() {
        assert_eq!(read(b"{").1.len(), 1);
        assert_eq!(read(b"").1.len(), 1);
        assert_eq!(read(&b"[".repeat(100_000)).1.len(), 1, "nested until the stack would end");
        assert_eq!(read(br#"{"name": "a\u0000b", "version": "1"}"#).1.len(), 1);
        assert_eq!(read(&vec![b' '; 5 << 20]).1.len(), 1);
    }
}
