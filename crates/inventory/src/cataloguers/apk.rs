//! apk-tools: the installed database of Alpine, Wolfi and their kin, format version 2 (apk-package(5)), which
//! apk-tools 3 writes as well, since Alpine 3.23 under `/usr/lib`.

use super::lines::Lines;
use super::{Cataloguer, Member, Told, Wanted};
use crate::package::{Package, PackageKind, SourcePackage};
use crate::record::{Owns, hash_in};

/// Reads apk's database.
pub(super) struct Apk;

impl Cataloguer for Apk {
    fn id(&self) -> &'static str {
        "apk"
    }

    fn wanted(&self) -> &'static [Wanted] {
        &[Wanted::At("lib/apk/db/installed"), Wanted::At("usr/lib/apk/db/installed")]
    }

    fn catalogue(&self, member: &mut Member<'_>, told: &mut Told) {
        let mut lines = Lines::new(member.lines());
        let mut record = Record::default();
        loop {
            match lines.next() {
                Ok(Some(line)) if line.bytes.is_empty() => std::mem::take(&mut record).tell(told),
                Ok(Some(line)) => {
                    if record.line == 0 {
                        record.line = line.number;
                    }
                    let slot = match line.bytes {
                        [b'P', b':', ..] => &mut record.name,
                        [b'V', b':', ..] => &mut record.version,
                        [b'A', b':', ..] => &mut record.architecture,
                        [b'o', b':', ..] => &mut record.origin,
                        [b'L', b':', ..] => &mut record.licence,
                        // Files stand under their folder.
                        [b'F', b':', folder @ ..] => {
                            record.folder.clear();
                            if !folder.is_empty() {
                                record.folder.extend_from_slice(folder);
                                record.folder.push(b'/');
                            }
                            continue;
                        }
                        [b'R', b':', name @ ..] if !line.cut => {
                            if record.files.len() <= Owns::FILES {
                                record.files.push(hash_in(&record.folder)(name));
                            }
                            continue;
                        }
                        [_, b':', ..] => continue,
                        _ => {
                            told.warn(format!("line {} is no field", line.number));
                            continue;
                        }
                    };
                    if !line.cut {
                        String::from_utf8_lossy(&line.bytes[2..]).trim().clone_into(slot);
                    }
                }
                Ok(None) => return record.tell(told),
                Err(error) => {
                    record.tell(told);
                    return told.warn(format!("reading stopped: {error}"));
                }
            }
        }
    }
}

#[derive(Default)]
struct Record {
    line: usize,
    name: String,
    version: String,
    architecture: String,
    origin: String,
    licence: String,
    folder: Vec<u8>,
    files: Vec<u64>,
}

impl Record {
    fn tell(self, told: &mut Told) {
        if self.line == 0 {
            return;
        }
        if self.name.is_empty() || self.version.is_empty() {
            return told.warn(format!("the package at line {} has no name or no version", self.line));
        }
        // A package without an origin was built by itself; the origin's version is the package's own.
        let owns = Owns {
            kind: PackageKind::Apk,
            name: self.name.clone(),
            architecture: Some(self.architecture.clone()).filter(|text| !text.is_empty()),
            files: self.files,
        };
        let source = if self.origin.is_empty() { self.name.clone() } else { self.origin };
        told.package(Package {
            source: Some(SourcePackage { name: source, version: self.version.clone() }),
            architecture: Some(self.architecture).filter(|text| !text.is_empty()),
            licences: Some(self.licence).filter(|text| !text.is_empty()).into_iter().collect(),
            ..Package::new(PackageKind::Apk, self.name, self.version)
        });
        told.owns(owns);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::record::Fact;

    fn read(text: &[u8]) -> (Vec<Fact>, Vec<String>) {
        let mut told = Told::default();
        let mut content = Cursor::new(text);
        Apk.catalogue(&mut Member::new("lib/apk/db/installed", text.len() as u64, &mut content), &mut told);
        told.into_parts()
    }

    #[test]
    fn upper_and_lower_case_are_different_fields() {
        let (facts, warnings) = read(
            b"C:Q1abc=\nP:libcrypto3\nV:3.1.4-r5\nA:x86_64\nL:Apache-2.0\no:openssl\np:so:libcrypto.so.3\n\
              v:nonsense\nF:\nR:top\nF:lib\nM:0:0:0755\nR:libcrypto.so.3\na:0:0:0755\n\nP:musl\nV:1.2.4-r2\n\n\n",
        );
        assert!(warnings.is_empty(), "{warnings:?}");
        let Fact::Package(package) = &facts[0] else { panic!("{facts:?}") };
        assert_eq!(package.name, "libcrypto3");
        assert_eq!(package.source, Some(SourcePackage { name: "openssl".into(), version: "3.1.4-r5".into() }));
        assert_eq!(package.licences, ["Apache-2.0"]);
        let Fact::Owns(owns) = &facts[1] else { panic!("{facts:?}") };
        assert_eq!((owns.name.as_str(), owns.architecture.as_deref()), ("libcrypto3", Some("x86_64")));
        assert_eq!(owns.files, ["top", "lib/libcrypto.so.3"].map(crate::record::path_hash));
        let Fact::Package(package) = &facts[2] else { panic!("{facts:?}") };
        assert_eq!(package.source.as_ref().unwrap().name, "musl");
        assert_eq!(facts.len(), 3);
    }

    #[test]
    fn a_bad_record_costs_itself_and_a_warning() {
        let (facts, warnings) = read(b"P:a\n\nV:1\n\nP:b\nV:2\nrubbish\n");
        assert_eq!(facts.len(), 1);
        assert_eq!(warnings.len(), 3, "{warnings:?}");
    }

    #[test]
    fn a_name_without_end_is_no_name() {
        let (facts, warnings) = read(&[b"P:".to_vec(), vec![b'a'; 1 << 20], b"\nV:1\n".to_vec()].concat());
        assert!(facts.is_empty());
        assert_eq!(warnings, ["the package at line 1 has no name or no version"]);
    }
}
