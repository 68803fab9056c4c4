//! dpkg: `/var/lib/dpkg/status` (dpkg(1), "Files"), and the one file a package of distroless images, which have no dpkg.
//! What a package owns stands in a file of its own: `info/NAME.list`, or `status.d/NAME.md5sums`.

use std::io;

use super::deb822::{Paragraph, Paragraphs};
use super::lines::Lines;
use super::third_parties::builder;
use super::{Cataloguer, Member, Told, Wanted};
use crate::package::{Package, PackageKind, SourcePackage};
use crate::record::{Owns, path_hash};

/// Reads dpkg's database.
pub(super) struct Dpkg;

impl Cataloguer for Dpkg {
    fn id(&self) -> &'static str {
        "dpkg"
    }

    fn wanted(&self) -> &'static [Wanted] {
        &[
            Wanted::At("var/lib/dpkg/status"),
            Wanted::In("var/lib/dpkg/status.d"),
            Wanted::Anywhere("var/lib/dpkg/info/*.list"),
        ]
    }

    fn catalogue(&self, member: &mut Member<'_>, told: &mut Told) {
        let name = member.name().to_owned();
        let owned = match (name.strip_suffix(".list"), name.strip_suffix(".md5sums")) {
            (Some(package), _) => Some(owns(package, member, path_of_list)),
            (_, Some(package)) => Some(owns(package, member, path_of_checksums)),
            _ => None,
        };
        match owned {
            Some(Ok(owns)) => return told.owns(owns),
            Some(Err(error)) => return told.warn(format!("reading stopped: {error}")),
            None => {}
        }
        let one_a_package = name != "status";
        let fields = &["Package", "Status", "Version", "Architecture", "Source", "Maintainer", "Origin", "Vendor"];
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
        vendor: builder(paragraph.get("Maintainer"), paragraph.get("Origin"), paragraph.get("Vendor"), version),
        ..Package::new(PackageKind::Deb, name, version)
    });
}

/// The files of a package that is called by the file's name: `NAME`, or `NAME:ARCHITECTURE` where several may be
/// installed side by side.
fn owns(package: &str, member: &mut Member<'_>, path: fn(&[u8]) -> Option<&[u8]>) -> io::Result<Owns> {
    let (name, architecture) = match package.split_once(':') {
        Some((name, architecture)) => (name, Some(architecture.to_owned())),
        None => (package, None),
    };
    let mut files = Vec::new();
    let mut lines = Lines::new(member.lines());
    while let Some(line) = lines.next()? {
        // What is no text is no path that a cataloguer reads.
        let path = path(line.bytes).and_then(|path| std::str::from_utf8(path).ok());
        if let Some(path) = path.filter(|_| !line.cut && files.len() <= Owns::FILES) {
            files.push(path_hash(path));
        }
    }
    Ok(Owns { kind: PackageKind::Deb, name: name.to_owned(), architecture, files })
}

/// `/usr/bin/x`, folders too; the first is `/.`.
fn path_of_list(line: &[u8]) -> Option<&[u8]> {
    line.strip_prefix(b"/").filter(|path| *path != b".")
}

/// `d41d8cd98f00b204e9800998ecf8427e  usr/bin/x`, as md5sum(1) writes it.
fn path_of_checksums(line: &[u8]) -> Option<&[u8]> {
    let (checksum, path) = line.split_at_checked(32)?;
    let path = path.strip_prefix(b"  ")?;
    checksum.iter().all(u8::is_ascii_hexdigit).then(|| path.strip_prefix(b"./").unwrap_or(path))
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
        let (packages, warnings) = read_at("var/lib/dpkg/status.d/tzdata.md5sums", "Package: x\nVersion: 1\n");
        assert!(packages.is_empty() && warnings.is_empty());
        let (packages, _) = read_at("var/lib/dpkg/status", "Package: tzdata\nVersion: 2024a-0\n");
        assert!(packages.is_empty(), "dpkg itself takes no Status for not installed");
    }

    fn owned_at(path: &str, text: &[u8]) -> Vec<Fact> {
        let mut told = Told::default();
        let mut content = Cursor::new(text);
        Dpkg.catalogue(&mut Member::new(path, text.len() as u64, &mut content), &mut told);
        told.into_parts().0
    }

    fn owns_only(name: &str, architecture: Option<&str>, files: &[&str]) -> Vec<Fact> {
        let files = files.iter().map(|path| path_hash(path)).collect();
        let architecture = architecture.map(str::to_owned);
        vec![Fact::Owns(Owns { kind: PackageKind::Deb, name: name.into(), architecture, files })]
    }

    #[test]
    fn what_a_package_owns_is_told_by_paths_from_the_root() {
        let list = b"/.\n/usr\n/usr/share/\xff\n/usr/share/doc/tzdata\nrubbish\n";
        assert_eq!(
            owned_at("var/lib/dpkg/info/tzdata.list", list),
            owns_only("tzdata", None, &["usr", "usr/share/doc/tzdata"])
        );
        assert_eq!(
            owned_at("var/lib/dpkg/info/libc6:amd64.list", b"/lib/x86_64-linux-gnu/libc.so.6\n"),
            owns_only("libc6", Some("amd64"), &["lib/x86_64-linux-gnu/libc.so.6"])
        );
        let sums = b"d41d8cd98f00b204e9800998ecf8427e  usr/a b\nd41d8cd98f00b204e9800998ecf8427e  ./c\nabc  d\n\n";
        assert_eq!(owned_at("var/lib/dpkg/status.d/x.md5sums", sums), owns_only("x", None, &["usr/a b", "c"]));
        assert_eq!(owned_at("var/lib/dpkg/info/empty.list", b""), []);
    }

    #[test]
    fn a_package_of_another_builder_says_whose_it_is() {
        let (packages, _) = read_at(
            "var/lib/dpkg/status",
            "Package: nodejs\nStatus: install ok installed\nMaintainer: NodeSource Support <support@nodesource.com>\n\
             Version: 20.20.2-1nodesource1\n\nPackage: tzdata\nStatus: install ok installed\nVersion: 1\n\
             Maintainer: GNU Libc Maintainers <debian-glibc@lists.debian.org>\n",
        );
        assert_eq!(packages[0].vendor.as_deref(), Some("NodeSource"));
        assert_eq!(packages[1].vendor, None);
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
