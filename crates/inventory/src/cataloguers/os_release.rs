//! The distribution: os-release(5), and where an image has none the older files of Debian and Alpine.

use super::lines::Lines;
use super::{Cataloguer, Member, Told, Wanted};
use crate::package::Release;

/// Reads which distribution an image is made from.
pub(super) struct OsRelease;

impl Cataloguer for OsRelease {
    fn id(&self) -> &'static str {
        "os-release"
    }

    fn wanted(&self) -> &'static [Wanted] {
        &[
            Wanted::At("etc/os-release"),
            Wanted::At("usr/lib/os-release"),
            Wanted::At("etc/alpine-release"),
            Wanted::At("etc/debian_version"),
        ]
    }

    fn catalogue(&self, member: &mut Member<'_>, told: &mut Told) {
        let read = match member.name() {
            "debian_version" => debian_version,
            "alpine-release" => alpine_release,
            _ => os_release,
        };
        match read(member) {
            Ok(release) => told.release(release),
            Err(reason) => told.warn(reason),
        }
    }
}

/// `KEY=value` lines as a shell would read them, without expansion.
fn os_release(member: &mut Member<'_>) -> Result<Release, String> {
    let mut release = Release::default();
    let mut lines = Lines::new(member.lines());
    while let Some(line) = lines.next().map_err(|error| format!("reading stopped: {error}"))? {
        let text = String::from_utf8_lossy(line.bytes);
        let Some((key, value)) = text.trim().split_once('=') else { continue };
        let value = unquote(value);
        match key {
            _ if line.cut || value.is_empty() => {}
            "ID" => release.id = value.to_lowercase(),
            "VERSION_ID" => release.version_id = value,
            "VERSION_CODENAME" => release.codename = Some(value),
            "ID_LIKE" => release.id_like = value.split_whitespace().map(str::to_lowercase).collect(),
            "PRETTY_NAME" => release.pretty_name = Some(value),
            _ => {}
        }
    }
    if release.id.is_empty() {
        // os-release(5): "If not set, defaults to linux". It names no distribution whose advisories could be asked.
        release.id = "linux".into();
    }
    Ok(release)
}

/// One shell word: quotes of both kinds, and backslashes outside single quotes.
fn unquote(value: &str) -> String {
    let mut word = String::new();
    let mut quote = None;
    let mut characters = value.trim().chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('\\', None | Some('"')) => word.extend(characters.next()),
            ('"' | '\'', None) => quote = Some(character),
            (character, Some(open)) if character == open => quote = None,
            (' ' | '\t' | '#', None) => break,
            _ => word.push(character),
        }
    }
    word
}

/// `12.5` of a release, `trixie/sid` before one.
fn debian_version(member: &mut Member<'_>) -> Result<Release, String> {
    let text = first_word(member)?;
    let is_number = text.starts_with(|first: char| first.is_ascii_digit());
    let (version_id, codename) = if is_number {
        (text.split('.').next().unwrap_or_default().to_owned(), None)
    } else {
        (String::new(), text.split('/').next().map(str::to_owned))
    };
    Ok(Release { id: "debian".into(), version_id, codename, ..Release::default() })
}

/// `3.19.1`, as `VERSION_ID` has it.
fn alpine_release(member: &mut Member<'_>) -> Result<Release, String> {
    Ok(Release { id: "alpine".into(), version_id: first_word(member)?, ..Release::default() })
}

fn first_word(member: &mut Member<'_>) -> Result<String, String> {
    let bytes = member.bytes(4096).map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&bytes);
    text.split_whitespace().next().map(str::to_owned).ok_or_else(|| "it is empty".to_owned())
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
    fn a_distribution_with_control_characters_is_none() {
        assert_eq!(read("etc/os-release", b"ID=\"a\x1bb\"\n"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            read("etc/os-release", &bytes);
            read("etc/debian_version", &bytes);
        }
    }
}
