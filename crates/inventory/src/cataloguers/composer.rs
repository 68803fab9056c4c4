//! PHP Composer: `vendor/composer/installed.json`, a list of packages (Composer 1) or an object with one (Composer 2).

use serde::Deserialize;
use serde_json::Value;

use super::{Cataloguer, Member, Told, Wanted};
use crate::package::{Package, PackageKind};

/// Reads what Composer installed.
pub(super) struct Composer;

/// Longest file that is read; that of an application with 300 packages has some 1 MiB.
const LONGEST: u64 = 32 << 20;

impl Cataloguer for Composer {
    fn id(&self) -> &'static str {
        "composer"
    }

    fn wanted(&self) -> &'static [Wanted] {
        &[Wanted::Anywhere("**/composer/installed.json")]
    }

    fn catalogue(&self, member: &mut Member<'_>, told: &mut Told) {
        let bytes = match member.bytes(LONGEST) {
            Ok(bytes) => bytes,
            Err(error) => return told.warn(error),
        };
        let is_list = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
        let installed = if is_list {
            serde_json::from_slice(&bytes)
        } else {
            serde_json::from_slice(&bytes).map(|Two { packages }| packages)
        };
        match installed {
            Ok(installed) => installed.into_iter().for_each(|package: Installed| package.tell(told)),
            Err(error) => told.warn(format!("it is not JSON as Composer writes it: {error}")),
        }
    }
}

#[derive(Deserialize)]
struct Two {
    packages: Vec<Installed>,
}

#[derive(Deserialize)]
struct Installed {
    #[serde(default)]
    name: Value,
    #[serde(default)]
    version: Value,
    #[serde(default)]
    license: Value,
}

impl Installed {
    fn tell(self, told: &mut Told) {
        let (Value::String(name), Value::String(version)) = (&self.name, &self.version) else {
            return told.warn(format!("a package has no name or no version: {}", self.name));
        };
        let licences = match self.license {
            Value::String(licence) => vec![licence],
            Value::Array(licences) => licences.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect(),
            _ => vec![],
        };
        let is_one = |licence: &String| !licence.is_empty() && licence.len() <= 100;
        // The version as it was published, `v` and all: advisories list those.
        told.package(Package {
            licences: licences.into_iter().filter(is_one).take(10).collect(),
            ..Package::new(PackageKind::Composer, name, version)
        });
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::record::Fact;

    fn read(text: &[u8]) -> (Vec<String>, Vec<String>) {
        let mut told = Told::default();
        let mut content = Cursor::new(text);
        Composer
            .catalogue(&mut Member::new("vendor/composer/installed.json", text.len() as u64, &mut content), &mut told);
        let (facts, warnings) = told.into_parts();
        let named = |fact| match fact {
            Fact::Package(package) => format!("{}@{} {:?}", package.name, package.version, package.licences),
            other => panic!("{other:?}"),
        };
        (facts.into_iter().map(named).collect(), warnings)
    }

    #[test]
    fn both_versions_of_the_file_are_read() {
        let package = r#"{"name": "symfony/console", "version": "v5.4.21", "version_normalized": "5.4.21.0",
                          "dist": {"type": "zip"}, "license": ["MIT"], "require": {"php": ">=7.2.5"}}"#;
        let expected = [r#"symfony/console@v5.4.21 ["MIT"]"#];
        assert_eq!(read(format!("\n[{package}]").as_bytes()).0, expected);
        let two = format!(r#"{{"packages": [{package}], "dev": true, "dev-package-names": []}}"#);
        assert_eq!(read(two.as_bytes()).0, expected);
    }

    #[test]
    fn a_bad_package_costs_itself_and_a_bad_file_a_warning() {
        let (packages, warnings) = read(br#"[{"name": 7}, {"name": "a/b", "version": "1", "license": "ISC"}]"#);
        assert_eq!(packages, [r#"a/b@1 ["ISC"]"#]);
        assert_eq!(warnings, ["a package has no name or no version: 7"]);
        for text in [&b"{}"[..], b"", b"[1]", &b"[".repeat(100_000)] {
            let (packages, warnings) = read(text);
            assert!(packages.is_empty());
            assert_eq!(warnings.len(), 1, "{warnings:?}");
        }
    }
}
