//! dpkg: `/var/lib/dpkg/status` (dpkg(1), "Files"), and the one file a package of distroless images, which have no dpkg.

use super::deb822::{Paragraph, Paragraphs};
use super::{Cataloguer, Member, Told, Wanted};
use crate::package::{Package, PackageKind, SourcePackage};

/// Reads dpkg's database.
pub(super) struct Dpkg;

impl Cataloguer for Dpkg {
    fn id(&self) -> &'static str {
        "dpkg"
    }

    fn wanted(&self) -> &'static [Wanted] {
        &[Wanted::At("var/lib/dpkg/status"), Wanted::In("var/lib/dpkg/status.d")]
    }

    fn catalogue(&self, member: &mut Member<'_>, told: &mut Told) {
        // Distroless keeps `NAME.md5sums` beside `NAME`.
        if member.path.ends_with(".md5sums") {
            return;
        }
        let one_a_package = member.name() != "status";
        let fields = &["Package", "Status", "Version", "Architecture", "Source"];
        let mut paragraphs = Paragraphs::new(member.lines(), fields);
        loop {
            match paragraphs.next() {
                Ok(Some(paragraph)) => read(&paragraph, one_a_package, told),
                Ok(None) => return,
                Err(error) => return told.warn(format!("reading stopped: {error}")),
            }
        }
    }
}

fn read(paragraph: &Paragraph, one_a_package: bool, told: &mut Told) {
    if !is_installed(paragraph.get("Status"), one_a_package) {
        return;
    }
    if let Some(line) = paragraph.malformed {
        told.warn(format!("line {line} is neither a field nor the continuation of one"));
    }
    let (Some(name), Some(version)) = (paragraph.get("Package"), paragraph.get("Version")) else {
        return told.warn(format!("the paragraph at line {} has no name or no version", paragraph.line));
    };
    let source = paragraph.get("Source").map_or_else(
        || SourcePackage { name: name.to_owned(), version: version.to_owned() },
        |source| source_package(source, version),
    );
    told.package(Package {
        architecture: paragraph.get("Architecture").map(str::to_owned),
        source: Some(source),
        ..Package::new(PackageKind::Deb, name, version)
    });
}

/// Whether a package's files are there: the third word of `Status: install ok installed`.
///
/// A package that was unpacked and whose configuration failed or waits is there as well, and as vulnerable;
/// `config-files` and `half-installed` are not. The files of `status.d` have no such field.
fn is_installed(status: Option<&str>, one_a_package: bool) -> bool {
    match status {
        Some(status) => matches!(
            status.split_ascii_whitespace().nth(2),
            Some("installed" | "unpacked" | "half-configured" | "triggers-awaited" | "triggers-pending")
        ),
        None => one_a_package,
    }
}

/// `name (version)`, or `name` where the versions are the same (deb-control(5)).
fn source_package(source: &str, version: &str) -> SourcePackage {
    let (name, rest) = source.split_once('(').unwrap_or((source, ""));
    let own = rest.split(')').next().map(str::trim).filter(|own| !own.is_empty());
    SourcePackage { name: name.trim().to_owned(), version: own.unwrap_or(version).to_owned() }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::record::Fact;

    fn read_at(path: &str, text: &str) -> (Vec<Package>, Vec<String>) {
        let mut told = Told::default();
        let mut content = Cursor::new(text.as_bytes());
        Dpkg.catalogue(&mut Member::new(path, text.len() as u64, &mut content), &mut told);
        let (facts, warnings) = told.into_parts();
        let package = |fact| if let Fact::Package(package) = fact { Some(package) } else { None };
        (facts.into_iter().filter_map(package).collect(), warnings)
    }

    #[test]
    fn a_binary_rebuild_keeps_the_version_of_its_source() {
        let (packages, warnings) = read_at(
            "var/lib/dpkg/status",
            "Package: libc-bin\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc (2.36-9)\n\
             Version: 2.36-9+b1\n",
        );
        assert!(warnings.is_empty());
        assert_eq!(packages[0].source, Some(SourcePackage { name: "glibc".into(), version: "2.36-9".into() }));
        assert_eq!(packages[0].version, "2.36-9+b1");
        assert_eq!(packages[0].architecture.as_deref(), Some("amd64"));
    }

    #[test]
    fn only_packages_whose_files_are_there_are_told() {
        let text = ["installed", "config-files", "not-installed", "half-configured", "half-installed", "unpacked"]
            .map(|state| format!("Package: {state}\nStatus: install ok {state}\nVersion: 1\n"))
            .join("\n");
        let (packages, _) = read_at("var/lib/dpkg/status", &text);
        let names: Vec<_> = packages.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["installed", "half-configured", "unpacked"]);
    }

    #[test]
    fn distroless_has_no_status_and_its_checksums_are_no_package() {
        let (packages, _) = read_at("var/lib/dpkg/status.d/tzdata", "Package: tzdata\nVersion: 2024a-0\n");
        assert_eq!(packages[0].source.as_ref().unwrap().name, "tzdata");
        let (packages, warnings) = read_at("var/lib/dpkg/status.d/tzdata.md5sums", "abc  usr/x\n");
        assert!(packages.is_empty() && warnings.is_empty());
        let (packages, _) = read_at("var/lib/dpkg/status", "Package: tzdata\nVersion: 2024a-0\n");
        assert!(packages.is_empty(), "dpkg itself takes no Status for not installed");
    }

    #[test]
    fn a_bad_paragraph_costs_itself_and_a_warning() {
        let (packages, warnings) = read_at(
            "var/lib/dpkg/status",
            "Package: a\nStatus: install ok installed\n\nPackage: b\nVersion: 1\x07\nStatus: install ok installed\n\n\
             Package: c\nVersion: 1\nrubbish\nStatus: install ok installed\n",
        );
        assert_eq!(packages.len(), 1);
        assert_eq!(packages[0].name, "c");
        insta::assert_snapshot!(warnings.join("\n"), @r#"
        the paragraph at line 1 has no name or no version
        left out package "b": its version has control characters
        line 10 is neither a field nor the continuation of one
        "#);
    }
}
