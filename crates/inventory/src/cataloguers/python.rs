//! Python distributions as installers leave them (PyPA core metadata; recording-installed-projects), and the
//! setuptools layouts before it.

use super::deb822::Paragraphs;
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
        ]
    }

    /// Only the header is read: the description after it is free text, and may look like fields.
    fn catalogue(&self, member: &mut Member<'_>, told: &mut Told) {
        let fields = &["Name", "Version", "License", "License-Expression"];
        let header = match Paragraphs::new(member.lines(), fields).next() {
            Ok(Some(header)) => header,
            Ok(None) => return told.warn("it is empty"),
            Err(error) => return told.warn(format!("reading stopped: {error}")),
        };
        let (Some(name), Some(version)) = (header.get("Name"), header.get("Version")) else {
            return told.warn("it has no name or no version");
        };
        let licence = header.get("License-Expression").or(header.get("License"));
        // Some projects put the whole text of their licence there; its first line says nothing then.
        let licence = licence.filter(|licence| licence.len() <= 100 && *licence != "UNKNOWN");
        told.package(Package {
            licences: licence.map(str::to_owned).into_iter().collect(),
            ..Package::new(PackageKind::Pypi, name, version)
        });
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
        Python.catalogue(&mut Member::new("x.dist-info/METADATA", text.len() as u64, &mut content), &mut told);
        told.into_parts()
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
    fn a_file_without_a_version_is_a_warning() {
        assert_eq!(read(b"Name: a\n\nVersion: 1\n").1, ["it has no name or no version"]);
        assert_eq!(read(b"\n\n").1, ["it is empty"]);
    }
}
