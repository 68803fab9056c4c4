//! Python distributions as installers leave them (PyPA core metadata; recording-installed-projects), and the
//! setuptools layouts before it: `.egg-info` as a folder or a file, eggs as a folder or a zip archive.
//!
//! What is installed for development has its metadata beside its sources, under the same names.

use std::io::{self, BufRead, BufReader};

use super::lines::Lines;
use super::zip::{Archive, Budget};
use super::{Cataloguer, Member, Told, Wanted};
use crate::package::{Package, PackageKind};

/// Reads the metadata of installed Python distributions.
pub(super) struct Python;

impl Cataloguer for Python {
    fn id(&self) -> &'static str {
        "python"
    }

    fn wanted(&self) -> &'static [Wanted] {
        &[
            Wanted::Anywhere("**/*.dist-info/METADATA"),
            Wanted::Anywhere("**/*.egg-info/PKG-INFO"),
            Wanted::Anywhere("**/*.egg-info"),
            Wanted::Anywhere("**/EGG-INFO/PKG-INFO"),
            Wanted::Anywhere("**/*.egg"),
        ]
    }

    fn catalogue(&self, member: &mut Member<'_>, told: &mut Told) {
        let read =
            if member.name().strip_suffix(".egg").is_some() { egg(member) } else { Header::read(member.lines()) };
        match read {
            Ok(header) => header.tell(told),
            Err(error) => told.warn(format!("reading stopped: {error}")),
        }
    }
}

/// A zip archive that can be imported from as it is.
fn egg(member: &mut Member<'_>) -> io::Result<Header> {
    let (size, budget) = (member.size, Budget::default());
    let mut archive = Archive::open(member.content(), size, &budget)?;
    let (entries, incomplete) = archive.entries(1, |name| name == "EGG-INFO/PKG-INFO");
    match (entries.first(), incomplete) {
        (Some(entry), _) => Header::read(BufReader::new(archive.read(entry)?)),
        (None, Some(error)) => Err(error),
        (None, None) => Err(io::Error::other("the archive has no EGG-INFO/PKG-INFO")),
    }
}

/// The fields that count, each as its first line has it.
#[derive(Default)]
struct Header {
    is_empty: bool,
    name: String,
    version: String,
    expression: String,
    licence: String,
    classifiers: Vec<String>,
}

impl Header {
    /// Only the header is read: the description after it is free text, and may look like fields.
    fn read(reader: impl BufRead) -> io::Result<Self> {
        let mut header = Self { is_empty: true, ..Self::default() };
        let mut lines = Lines::new(reader);
        while let Some(line) = lines.next()? {
            if line.bytes.iter().all(u8::is_ascii_whitespace) {
                if header.is_empty {
                    continue;
                }
                break;
            }
            header.is_empty = false;
            // What begins with a space goes on with the field before it.
            if line.cut || line.bytes.starts_with(b" ") || line.bytes.starts_with(b"\t") {
                continue;
            }
            let text = String::from_utf8_lossy(line.bytes);
            if let Some((field, value)) = text.split_once(':') {
                header.field(&field.to_ascii_lowercase(), value.trim());
            }
        }
        Ok(header)
    }

    fn field(&mut self, field: &str, value: &str) {
        let slot = match field {
            "name" => &mut self.name,
            "version" => &mut self.version,
            "license-expression" => &mut self.expression,
            "license" => &mut self.licence,
            "classifier" => {
                let licence = value.strip_prefix("License ::").and_then(|rest| rest.rsplit("::").next());
                let licence = licence.map(str::trim).filter(|name| !matches!(*name, "" | "OSI Approved"));
                if let Some(licence) = licence.filter(|name| name.len() <= 100 && self.classifiers.len() < 10) {
                    self.classifiers.push(licence.to_owned());
                }
                return;
            }
            _ => return,
        };
        if slot.is_empty() {
            value.clone_into(slot);
        }
    }

    fn tell(self, told: &mut Told) {
        if self.is_empty {
            return told.warn("it is empty");
        }
        if self.name.is_empty() || self.version.is_empty() {
            return told.warn("it has no name or no version");
        }
        // Some projects put the whole text of their licence there; its first line says nothing then.
        let says_one = |text: &String| {
            !text.is_empty() && text.len() <= 100 && !text.eq_ignore_ascii_case("UNKNOWN") && !text.ends_with(':')
        };
        let one = [self.expression, self.licence].into_iter().find(says_one);
        told.package(Package {
            licences: one.map_or(self.classifiers, |licence| vec![licence]),
            ..Package::new(PackageKind::Pypi, self.name, self.version)
        });
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;
    use crate::record::Fact;

    fn read_at(path: &str, text: &[u8]) -> (Vec<Fact>, Vec<String>) {
        let mut told = Told::default();
        let mut content = Cursor::new(text);
        Python.catalogue(&mut Member::new(path, text.len() as u64, &mut content), &mut told);
        told.into_parts()
    }

    fn read(text: &[u8]) -> (Vec<Fact>, Vec<String>) {
        read_at("x.dist-info/METADATA", text)
    }

    fn licences(text: &str) -> Vec<String> {
        let (facts, _) = read(format!("Name: a\nVersion: 1\n{text}\n").as_bytes());
        let [Fact::Package(package)] = &facts[..] else { panic!("{facts:?}") };
        package.licences.clone()
    }

    #[test]
    fn the_description_is_not_metadata() {
        let (facts, warnings) = read(
            b"Metadata-Version: 2.1\nName: Flask_Thing\nVersion: 2.0.1\nLicense: BSD-3-Clause\n\
              Classifier: Framework :: Flask\n\nName: other\nVersion: 9\n",
        );
        assert!(warnings.is_empty());
        let [Fact::Package(package)] = &facts[..] else { panic!("{facts:?}") };
        assert_eq!((package.name.as_str(), package.version.as_str()), ("Flask_Thing", "2.0.1"));
        assert_eq!(package.licences, ["BSD-3-Clause"]);
    }

    #[test]
    fn the_expression_goes_before_the_text_and_the_text_before_the_classifiers() {
        let classifiers = "Classifier: License :: OSI Approved\nClassifier: License :: OSI Approved :: MIT License\n\
                           Classifier: License :: OSI Approved :: Apache Software License";
        assert_eq!(licences(&format!("{classifiers}\nLicense: UNKNOWN")), ["MIT License", "Apache Software License"]);
        assert_eq!(licences(&format!("License: MIT\n{classifiers}")), ["MIT"]);
        assert_eq!(licences("License: x\nLicense-Expression: MIT AND ISC"), ["MIT AND ISC"]);
        assert_eq!(licences(&format!("License: {}\n        more of it\n{classifiers}", "x ".repeat(100))).len(), 2);
        assert!(licences("Requires-Dist: b").is_empty());
    }

    #[test]
    fn an_egg_is_read_as_a_file_a_folder_and_an_archive() {
        let text = b"Metadata-Version: 1.1\nName: thing\nVersion: 1.0\n";
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in [("thing/__init__.py", &b""[..]), ("EGG-INFO/PKG-INFO", text)] {
            writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(content).unwrap();
        }
        let archive = writer.finish().unwrap().into_inner();
        for (path, bytes) in [
            ("dist-packages/thing-1.0.egg-info", &text[..]),
            ("dist-packages/thing-1.0.egg-info/PKG-INFO", text),
            ("site-packages/thing-1.0-py3.11.egg/EGG-INFO/PKG-INFO", text),
            ("site-packages/thing-1.0-py3.11.egg", &archive),
        ] {
            assert!(Python.wanted().iter().any(|wanted| wanted.reads(path)), "{path}");
            let (facts, warnings) = read_at(path, bytes);
            assert_eq!(warnings, [""; 0], "{path}");
            let [Fact::Package(package)] = &facts[..] else { panic!("{path}: {facts:?}") };
            assert_eq!((package.name.as_str(), package.version.as_str()), ("thing", "1.0"));
        }
        assert_eq!(read_at("a/x.egg", b"PK").1.len(), 1);
        assert_eq!(read_at("a/x.egg", &archive[..archive.len() - 30]).1.len(), 1);
    }

    #[test]
    fn a_file_without_a_version_is_a_warning() {
        assert_eq!(read(b"Name: a\n\nVersion: 1\n").1, ["it has no name or no version"]);
        assert_eq!(read(b"\n\n").1, ["it is empty"]);
    }
}
