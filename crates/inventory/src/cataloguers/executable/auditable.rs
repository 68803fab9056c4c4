//! Rust: the list of crates that cargo-auditable writes into a program's section `.dep-v0` (zlib around JSON;
//! rust-secure-code/cargo-auditable, PARSING.md and its JSON schema).

use std::io::Read;

use serde::Deserialize;

use super::layout::Layout;
use crate::cataloguers::{Content, Told};
use crate::package::{Package, PackageKind};

/// The section's name in all formats.
const SECTION: &str = ".dep-v0";

/// Most bytes of the section, and of the JSON in it: cargo-auditable's own readers take 8 MiB. A program with a
/// thousand crates has some 200 kB.
const COMPRESSED: u64 = 8 << 20;
const INFLATED: u64 = 8 << 20;

#[derive(Debug, Deserialize)]
struct Crates {
    packages: Vec<Crate>,
}

/// A crate of the build.
#[derive(Debug, Deserialize)]
struct Crate {
    name: String,
    version: String,
    /// `crates.io`, `git`, `local`, `registry`, or what a later version writes.
    source: String,
    /// `build` where it only ran while building; `runtime` where it is in the program, also when not written.
    #[serde(default)]
    kind: Option<String>,
}

/// Reads a program; false where it has no such section.
pub(super) fn read(layout: &Layout, content: &mut dyn Content, told: &mut Told) -> bool {
    let Some(section) = layout.section(SECTION) else { return false };
    if section.size > COMPRESSED {
        told.warn(format!("its list of crates has {} bytes, and {COMPRESSED} are the most", section.size));
        return true;
    }
    let crates = layout
        .bytes(content, section.offset, section.size)
        .map_err(|error| format!("its list of crates cannot be read: {error}"))
        .and_then(|bytes| parse(&bytes));
    match crates {
        Ok(crates) => crates.packages.into_iter().filter(is_in_the_program).for_each(|one| told.package(package(one))),
        Err(reason) => told.warn(reason),
    }
    true
}

fn parse(section: &[u8]) -> Result<Crates, String> {
    let mut json = Vec::new();
    let inflated = flate2::read::ZlibDecoder::new(section).take(INFLATED + 1).read_to_end(&mut json);
    inflated.map_err(|error| format!("its list of crates cannot be inflated: {error}"))?;
    if json.len() as u64 > INFLATED {
        return Err(format!("its list of crates has more than {INFLATED} bytes"));
    }
    serde_json::from_slice(&json)
        .map_err(|error| format!("its list of crates is not as cargo-auditable writes it: {error}"))
}

fn is_in_the_program(one: &Crate) -> bool {
    matches!(one.kind.as_deref(), None | Some("runtime"))
}

/// Advisories speak of what crates.io gives out. A crate from elsewhere bears the same name and is other code: where it
/// came from stays with it.
fn package(one: Crate) -> Package {
    let vendor = (one.source != "crates.io").then_some(one.source).filter(|source| !source.is_empty());
    Package { vendor, ..Package::new(PackageKind::Cargo, one.name, one.version) }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;
    use crate::cataloguers::executable::layout::Section;
    use crate::record::Fact;

    fn zlib(json: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(json).unwrap();
        encoder.finish().unwrap()
    }

    fn told(section: Vec<u8>) -> (Vec<Fact>, Vec<String>) {
        let size = section.len() as u64;
        let sections = vec![Section { name: SECTION.into(), offset: 0, size }];
        let layout = Layout { sections, ..Layout::default() };
        let mut told = Told::default();
        assert!(read(&layout, &mut Cursor::new(section), &mut told));
        told.into_parts()
    }

    #[test]
    fn what_only_ran_while_building_is_left_out_and_foreign_crates_say_so() {
        let (facts, warnings) = told(zlib(
            br#"{"packages": [{"name": "a", "version": "1.0.0", "source": "crates.io", "dependencies": [1]},
                 {"name": "b", "version": "2.0.0", "source": "crates.io", "kind": "build"},
                 {"name": "c", "version": "0.1.0", "source": "git", "kind": "runtime", "features": ["x"]},
                 {"name": "d", "version": "0.1.0", "source": "local", "root": true}], "format": 1}"#,
        ));
        assert!(warnings.is_empty(), "{warnings:?}");
        let packages: Vec<_> = facts
            .iter()
            .map(|fact| match fact {
                Fact::Package(package) => (package.name.as_str(), package.vendor.as_deref()),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(packages, [("a", None), ("c", Some("git")), ("d", Some("local"))]);
    }

    #[test]
    fn a_broken_list_is_one_warning() {
        let whole = zlib(br#"{"packages": [{"name": "a", "version": "1", "source": "crates.io"}]}"#);
        for length in 0..whole.len() - 4 {
            let (facts, warnings) = told(whole[..length].to_vec());
            assert!(facts.is_empty() && warnings.len() == 1, "{length}: {warnings:?}");
        }
        for json in [&b"{}"[..], b"[]", b"", br#"{"packages": [{"name": 1}]}"#, &b"[".repeat(100_000)] {
            assert_eq!(told(zlib(json)).1.len(), 1);
        }
        let bomb = zlib(&vec![b' '; 64 << 20]);
        assert!(bomb.len() < 1 << 20);
        assert_eq!(told(bomb).1, ["its list of crates has more than 8388608 bytes"]);
    }
}
