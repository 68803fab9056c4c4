//! The main section of `META-INF/MANIFEST.MF` (JAR File Specification, "JAR Manifest").

use std::collections::BTreeMap;

/// The attributes of the main section that say what the archive is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    attributes: BTreeMap<&'static str, String>,
}

const WANTED: &[&str] = &[
    "Automatic-Module-Name",
    "Bundle-License",
    "Bundle-SymbolicName",
    "Bundle-Version",
    "Extension-Name",
    "Group-Id",
    "Implementation-Title",
    "Implementation-Vendor",
    "Implementation-Vendor-Id",
    "Implementation-Version",
    "Plugin-Version",
    "Short-Name",
];

/// Longest value that is kept.
const LONGEST: usize = 4096;

impl Manifest {
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut manifest = Self::default();
        let mut current: Option<(&'static str, String)> = None;
        // Lines end with CR LF, LF or CR; one that begins with a space goes on with the one before it.
        let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace('\r', "\n");
        for line in text.split('\n').take_while(|line| !line.is_empty()) {
            if let Some(rest) = line.strip_prefix(' ') {
                if let Some((_, value)) = &mut current {
                    value.push_str(rest);
                    value.truncate(value.floor_char_boundary(LONGEST));
                }
                continue;
            }
            manifest.keep(current.take());
            let Some((name, value)) = line.split_once(':') else { continue };
            let wanted = WANTED.iter().find(|wanted| wanted.eq_ignore_ascii_case(name.trim()));
            current = wanted.map(|wanted| (*wanted, value.trim_start().to_owned()));
        }
        manifest.keep(current);
        manifest
    }

    /// A value that is not empty.
    pub(super) fn get(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute).map(String::as_str)
    }

    /// `Bundle-SymbolicName` without its directives (OSGi Core 3.2.5).
    pub(super) fn symbolic_name(&self) -> Option<&str> {
        let name = self.get("Bundle-SymbolicName")?.split(';').next()?.trim();
        (!name.is_empty()).then_some(name)
    }

    /// `Bundle-License`: names or addresses, each with attributes behind semicolons (OSGi Core 3.2.1.10).
    pub(super) fn licences(&self) -> Vec<String> {
        let names = self.get("Bundle-License").unwrap_or_default().split(',');
        let names = names.map(|licence| licence.split(';').next().unwrap_or_default().trim().trim_matches('"'));
        let is_one = |name: &&str| !name.is_empty() && name.len() <= 100 && *name != "<<EXTERNAL>>";
        names.filter(is_one).map(str::to_owned).take(10).collect()
    }

    fn keep(&mut self, attribute: Option<(&'static str, String)>) {
        let Some((name, value)) = attribute else { return };
        let value = value.trim();
        if !value.is_empty() {
            self.attributes.entry(name).or_insert_with(|| value.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_section_is_read_with_its_long_lines() {
        let manifest = Manifest::read(
            b"Manifest-Version: 1.0\r\nBundle-SymbolicName: org.example.thing;sin\r\n gleton:=true\r\n\
              implementation-version:  1.2 \r\nImplementation-Title:\r\nBundle-License: MIT;description=x, \"https:\r\n\
              \x20//a/b\", <<EXTERNAL>>\r\n\r\nName: a/b.class\r\nImplementation-Vendor-Id: other\r\n",
        );
        assert_eq!(manifest.symbolic_name(), Some("org.example.thing"));
        assert_eq!(manifest.get("Implementation-Version"), Some("1.2"));
        assert_eq!(manifest.get("Implementation-Title"), None);
        assert_eq!(manifest.get("Implementation-Vendor-Id"), None, "that is of one entry");
        assert_eq!(manifest.licences(), ["MIT", "https://a/b"]);
        assert_eq!(Manifest::read(b"Bundle-Version: 1\rBundle-SymbolicName: x").get("Bundle-Version"), Some("1"));
    }

    #[test]
    fn any_bytes_are_a_manifest() {
        assert_eq!(Manifest::read(b" \n: \n\xff\xfe"), Manifest::default());
        let long = [b"Implementation-Title: x".to_vec(), b"\n y".repeat(100_000)].concat();
        assert!(Manifest::read(&long).get("Implementation-Title").unwrap().len() <= LONGEST);
    }
}
