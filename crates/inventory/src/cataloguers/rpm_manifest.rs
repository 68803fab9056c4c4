//! The list that Azure Linux and CBL-Mariner leave in their distroless images, which have no rpm and no database:
//! `/var/lib/rpmmanifest/container-manifest-2`, a line for each package with ten fields between tabs: name,
//! version-release, time of installation, time of build, vendor, epoch, size, architecture, epoch as a number, source
//! package's file.

use super::lines::Lines;
use super::rpm::{full_version, source_package};
use super::{Cataloguer, Member, Told, Wanted};
use crate::package::{Package, PackageKind, SourcePackage};

/// Reads the list of a distroless image of rpm packages.
pub(super) struct RpmManifest;

impl Cataloguer for RpmManifest {
    fn id(&self) -> &'static str {
        "rpm-manifest"
    }

    fn wanted(&self) -> &'static [Wanted] {
        &[Wanted::At("var/lib/rpmmanifest/container-manifest-2")]
    }

    fn catalogue(&self, member: &mut Member<'_>, told: &mut Told) {
        let mut lines = Lines::new(member.lines());
        loop {
            match lines.next() {
                Ok(Some(line)) if line.bytes.iter().all(u8::is_ascii_whitespace) => {}
                Ok(Some(line)) => match package(&String::from_utf8_lossy(line.bytes)) {
                    Some(package) if !line.cut => {
                        if package.name != "gpg-pubkey" {
                            told.package(package);
                        }
                    }
                    _ => told.warn(format!("line {} is no package", line.number)),
                },
                Ok(None) => return,
                Err(error) => return told.warn(format!("reading stopped: {error}")),
            }
        }
    }
}

fn package(line: &str) -> Option<Package> {
    let fields: Vec<&str> = line.trim_end().split('\t').map(str::trim).collect();
    let [name, version, _, _, vendor, _, _, architecture, epoch, source] = fields[..] else { return None };
    let known = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty() && text != "(none)");
    let epoch = epoch.parse().ok();
    let full = full_version(epoch, version, None);
    let source =
        source_package(source, epoch).unwrap_or_else(|| SourcePackage { name: name.to_owned(), version: full.clone() });
    Some(Package {
        architecture: known(architecture),
        source: Some(source),
        vendor: known(vendor),
        ..Package::new(PackageKind::Rpm, name, full)
    })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::record::Fact;

    fn read(text: &[u8]) -> (Vec<Fact>, Vec<String>) {
        let mut told = Told::default();
        let mut content = Cursor::new(text);
        let path = "var/lib/rpmmanifest/container-manifest-2";
        RpmManifest.catalogue(&mut Member::new(path, text.len() as u64, &mut content), &mut told);
        told.into_parts()
    }

    #[test]
    fn each_line_is_a_package() {
        let (facts, warnings) = read(
            b"openssl-libs\t1.1.1k-21.cm2\t1675200000\t1675100000\tMicrosoft Corporation\t(none)\t1234\tx86_64\t0\t\
              openssl-1.1.1k-21.cm2.src.rpm\n\nshadow-utils\t4.9-12\t1\t1\t(none)\t2\t1\tx86_64\t2\t(none)\nrubbish\n",
        );
        assert_eq!(warnings, ["line 4 is no package"]);
        let [Fact::Package(first), Fact::Package(second)] = &facts[..] else { panic!("{facts:?}") };
        assert_eq!((first.name.as_str(), first.version.as_str()), ("openssl-libs", "1.1.1k-21.cm2"));
        assert_eq!(first.source.as_ref().unwrap().name, "openssl");
        assert_eq!(first.vendor.as_deref(), Some("Microsoft Corporation"));
        assert_eq!((second.version.as_str(), second.vendor.as_deref()), ("2:4.9-12", None));
    }
}
