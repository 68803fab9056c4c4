//! pacman: a folder for each package under `/var/lib/pacman/local`, with `desc` for what it is and `files` for what it
//! owns (libalpm, `be_local.c`).

use std::io;

use super::lines::Lines;
use super::{Cataloguer, Member, Told, Wanted};
use crate::package::{Package, PackageKind, SourcePackage};
use crate::record::{Owns, path_hash};

/// Reads pacman's database.
pub(super) struct Alpm;

impl Cataloguer for Alpm {
    fn id(&self) -> &'static str {
        "alpm"
    }

    fn wanted(&self) -> &'static [Wanted] {
        &[Wanted::Anywhere("var/lib/pacman/local/*/desc"), Wanted::Anywhere("var/lib/pacman/local/*/files")]
    }

    fn catalogue(&self, member: &mut Member<'_>, told: &mut Told) {
        let read = if member.name() == "files" { files } else { description };
        if let Err(error) = read(member, told) {
            told.warn(format!("reading stopped: {error}"));
        }
    }
}

/// Lines under `%SECTION%` lines, up to the next blank line.
fn description(member: &mut Member<'_>, told: &mut Told) -> io::Result<()> {
    let mut package = Package::new(PackageKind::Alpm, "", "");
    let mut base = None;
    each_line(member, |section, line| match section {
        "NAME" => line.clone_into(&mut package.name),
        "VERSION" => line.clone_into(&mut package.version),
        "BASE" => base = Some(line.to_owned()),
        "ARCH" => package.architecture = Some(line.to_owned()),
        "LICENSE" => package.licences.push(line.to_owned()),
        _ => {}
    })?;
    // Split packages are built from one base, and have its version.
    package.source =
        Some(SourcePackage { name: base.unwrap_or_else(|| package.name.clone()), version: package.version.clone() });
    told.package(package);
    Ok(())
}

fn files(member: &mut Member<'_>, told: &mut Told) -> io::Result<()> {
    let folder = member.path.rsplit('/').nth(1).unwrap_or_default();
    // The folder is NAME-VERSION-RELEASE, and the version has no hyphen.
    let Some(name) = folder.rsplitn(3, '-').nth(2).map(str::to_owned) else {
        told.warn("its folder is not called by a package's name and version");
        return Ok(());
    };
    let mut files = Vec::new();
    each_line(member, |section, line| {
        // Folders end with a slash; many packages share them.
        if section == "FILES" && !line.ends_with('/') && files.len() <= Owns::FILES {
            files.push(path_hash(line));
        }
    })?;
    told.owns(Owns { kind: PackageKind::Alpm, name, architecture: None, files });
    Ok(())
}

fn each_line(member: &mut Member<'_>, mut each: impl FnMut(&str, &str)) -> io::Result<()> {
    let mut section = String::new();
    let mut lines = Lines::new(member.lines());
    while let Some(line) = lines.next()? {
        let text = String::from_utf8_lossy(line.bytes);
        let text = text.trim();
        if text.is_empty() {
            section.clear();
        } else if section.is_empty() {
            text.trim_matches('%').clone_into(&mut section);
        } else if !line.cut {
            each(&section, text);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::record::Fact;

    fn read(path: &str, text: &[u8]) -> (Vec<Fact>, Vec<String>) {
        let mut told = Told::default();
        let mut content = Cursor::new(text);
        Alpm.catalogue(&mut Member::new(path, text.len() as u64, &mut content), &mut told);
        told.into_parts()
    }

    #[test]
    fn a_package_is_what_its_sections_say() {
        let text = b"%NAME%\ngcc-libs\n\n%VERSION%\n1:14.1.1-1\n\n%BASE%\ngcc\n\n%DESC%\n%NAME%\n\n%ARCH%\nx86_64\n\n\
                     %LICENSE%\nGPL-3.0-or-later\nGFDL-1.3\n\n%SIZE%\n1\n";
        let (facts, warnings) = read("var/lib/pacman/local/gcc-libs-1:14.1.1-1/desc", text);
        assert!(warnings.is_empty(), "{warnings:?}");
        let expected = Package {
            architecture: Some("x86_64".into()),
            source: Some(SourcePackage { name: "gcc".into(), version: "1:14.1.1-1".into() }),
            licences: vec!["GPL-3.0-or-later".into(), "GFDL-1.3".into()],
            ..Package::new(PackageKind::Alpm, "gcc-libs", "1:14.1.1-1")
        };
        assert_eq!(facts, [Fact::Package(expected)]);
    }

    #[test]
    fn files_are_owned_and_folders_are_not() {
        let text = b"%FILES%\nusr/\nusr/lib/\nusr/lib/python3.12/site-packages/idna-3.7.dist-info/METADATA\n\n\
                     %BACKUP%\netc/x\tabc\n";
        let (facts, _) = read("var/lib/pacman/local/python-idna-3.7-1/files", text);
        let files = vec![path_hash("usr/lib/python3.12/site-packages/idna-3.7.dist-info/METADATA")];
        let owns = Owns { kind: PackageKind::Alpm, name: "python-idna".into(), architecture: None, files };
        assert_eq!(facts, [Fact::Owns(owns)]);
    }

    #[test]
    fn what_is_no_package_is_a_warning() {
        assert_eq!(read("var/lib/pacman/local/a-1-1/desc", b"").1.len(), 1);
        assert_eq!(read("var/lib/pacman/local/a-1-1/desc", b"%NAME%\na\n").1.len(), 1);
        assert_eq!(read("var/lib/pacman/local/a/files", b"%FILES%\nx\n").1.len(), 1);
        let long = [b"%NAME%\n".to_vec(), vec![b'a'; 1 << 20], b"\n\n%VERSION%\n1-1\n".to_vec()].concat();
        assert_eq!(read("var/lib/pacman/local/a-1-1/desc", &long).0, []);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            read("var/lib/pacman/local/a-1-1/desc", &bytes);
            read("var/lib/pacman/local/a-1-1/files", &bytes);
        }
    }
}
