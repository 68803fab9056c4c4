//! The distribution: os-release(5), and where an image has none the older files that distributions named themselves in.

use super::release_files::{self, each_assignment};
use super::{Cataloguer, Member, Told, Wanted};
use crate::package::Release;

/// Reads which distribution an image is made from.
pub(super) struct OsRelease;

impl Cataloguer for OsRelease {
    fn id(&self) -> &'static str {
        "os-release"
    }

    fn wanted(&self) -> &'static [Wanted] {
        // The first that is there counts. A distribution's own file comes before those that its kin have too: Amazon and
        // Oracle have `redhat-release`, Ubuntu has `debian_version`, and many have `lsb-release`.
        &[
            Wanted::At("etc/os-release"),
            Wanted::At("usr/lib/os-release"),
            Wanted::At("etc/almalinux-release"),
            Wanted::At("etc/rocky-release"),
            Wanted::At("etc/oracle-release"),
            Wanted::At("etc/centos-release"),
            Wanted::At("etc/fedora-release"),
            Wanted::At("etc/mageia-release"),
            Wanted::At("etc/openEuler-release"),
            Wanted::At("etc/mariner-release"),
            Wanted::At("etc/azurelinux-release"),
            Wanted::At("etc/photon-release"),
            Wanted::At("etc/redhat-release"),
            Wanted::At("etc/system-release"),
            Wanted::At("etc/SuSE-release"),
            Wanted::At("etc/arch-release"),
            Wanted::At("etc/alpine-release"),
            Wanted::At("etc/lsb-release"),
            Wanted::At("etc/debian_version"),
        ]
    }

    fn catalogue(&self, member: &mut Member<'_>, told: &mut Told) {
        let read = if member.name() == "os-release" { os_release } else { release_files::read };
        match read(member) {
            Ok(Some(release)) => told.release(release),
            Ok(None) => {}
            Err(reason) => told.warn(reason),
        }
    }
}

fn os_release(member: &mut Member<'_>) -> Result<Option<Release>, String> {
    let mut release = Release::default();
    each_assignment(member, |key, value| match key {
        "ID" => release.id = value.to_lowercase(),
        "VERSION_ID" => release.version_id = value,
        "VERSION_CODENAME" => release.codename = Some(value),
        "ID_LIKE" => release.id_like = value.split_whitespace().map(str::to_lowercase).collect(),
        "PRETTY_NAME" => release.pretty_name = Some(value),
        _ => {}
    })?;
    if release.id.is_empty() {
        // os-release(5): "If not set, defaults to linux". It names no distribution whose advisories could be asked.
        release.id = "linux".into();
    }
    Ok(Some(release))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::record::Fact;

    fn read(path: &str, text: &[u8]) -> Option<Release> {
        let mut told = Told::default();
        let mut content = Cursor::new(text);
        OsRelease.catalogue(&mut Member::new(path, text.len() as u64, &mut content), &mut told);
        told.into_parts()
            .0
            .into_iter()
            .find_map(|fact| if let Fact::Release(found) = fact { Some(found) } else { None })
    }

    #[test]
    fn values_are_shell_words() {
        let release = read(
            "etc/os-release",
            b"# a comment\nPRETTY_NAME=\"Debian \\\"GNU\\\"/Linux 12 (bookworm)\"\nID='debian'\nVERSION_ID=\"12\" # x\n\
              VERSION_CODENAME=bookworm\nID_LIKE=\"rhel  fedora\"\nnothing\n",
        )
        .unwrap();
        assert_eq!(release.id, "debian");
        assert_eq!(release.version_id, "12");
        assert_eq!(release.codename.as_deref(), Some("bookworm"));
        assert_eq!(release.id_like, ["rhel", "fedora"]);
        assert_eq!(release.pretty_name.as_deref(), Some("Debian \"GNU\"/Linux 12 (bookworm)"));
    }

    #[test]
    fn without_os_release_the_older_files_tell() {
        assert_eq!(read("etc/debian_version", b"12.5\n").unwrap().version_id, "12");
        let sid = read("etc/debian_version", b"trixie/sid\n").unwrap();
        assert_eq!((sid.version_id.as_str(), sid.codename.as_deref()), ("", Some("trixie")));
        assert_eq!(read("etc/alpine-release", b"3.10.4\n").unwrap().version_id, "3.10.4");
        assert_eq!(read("etc/alpine-release", b"\n"), None);
    }

    #[test]
    fn every_family_named_itself_in_its_own_way() {
        for (path, text, id, version) in [
            ("etc/redhat-release", "Red Hat Enterprise Linux Server release 7.9 (Maipo)\n", "rhel", "7.9"),
            ("etc/redhat-release", "CentOS release 6.10 (Final)\n", "centos", "6"),
            ("etc/centos-release", "CentOS Linux release 7.9.2009 (Core)\n", "centos", "7"),
            ("etc/fedora-release", "Fedora release 20 (Heisenbug)\n", "fedora", "20"),
            ("etc/system-release", "Amazon Linux AMI release 2018.03\n", "amzn", "2018.03"),
            ("etc/system-release", "Amazon Linux release 2 (Karoo)\n", "amzn", "2"),
            ("etc/oracle-release", "Oracle Linux Server release 7.9\n", "ol", "7.9"),
            ("etc/mageia-release", "Mageia release 9 (Official) for x86_64\n", "mageia", "9"),
            ("etc/photon-release", "VMware Photon OS 3.0\nPHOTON_BUILD_NUMBER=x\n", "photon", "3.0"),
            ("etc/mariner-release", "CBL-Mariner 2.0.20230303\nMARINER_BUILD_NUMBER=x\n", "mariner", "2.0"),
            (
                "etc/SuSE-release",
                "SUSE Linux Enterprise Server 12 (x86_64)\nVERSION = 12\nPATCHLEVEL = 5\n# x\n",
                "sles",
                "12.5",
            ),
            ("etc/SuSE-release", "openSUSE 13.2 (x86_64)\nVERSION = 13.2\nCODENAME = Harlequin\n", "opensuse", "13.2"),
            (
                "etc/lsb-release",
                "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=10.04\nDISTRIB_CODENAME=lucid\n",
                "ubuntu",
                "10.04",
            ),
            ("etc/arch-release", "", "arch", ""),
        ] {
            let release = read(path, text.as_bytes()).unwrap();
            assert_eq!((release.id.as_str(), release.version_id.as_str()), (id, version), "{path}: {text}");
        }
        assert_eq!(read("etc/redhat-release", b"Somebody's release 1\n"), None);
        assert_eq!(read("etc/SuSE-release", b"SUSE\n"), None);
        assert_eq!(read("etc/lsb-release", b"LSB_VERSION=1\n"), None);
    }

    #[test]
    fn a_distribution_with_control_characters_is_none() {
        assert_eq!(read("etc/os-release", b"ID=\"a\x1bb\"\n"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            read("etc/os-release", &bytes);
            for path in ["etc/debian_version", "etc/redhat-release", "etc/SuSE-release", "etc/lsb-release"] {
                read(path, &bytes);
            }
        }
    }
}
