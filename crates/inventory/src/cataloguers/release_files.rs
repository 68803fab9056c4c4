//! The files that named a distribution before os-release(5), and that images still have that are old, or have lost it.

use super::Member;
use super::lines::Lines;
use crate::package::Release;

/// Reads one of them by its name. None where it names no distribution that is known by that file: it may be there for
/// other reasons, beside a file that does.
pub(super) fn read(member: &mut Member<'_>) -> Result<Option<Release>, String> {
    Ok(match member.name() {
        "debian_version" => Some(debian_version(member)?),
        "alpine-release" => Some(named("alpine", first_word(member)?)),
        // It is empty: Arch has no releases.
        "arch-release" => Some(named("arch", String::new())),
        "lsb-release" => lsb_release(member)?,
        "SuSE-release" => suse_release(member)?,
        _ => sentence(&first_line(member)?),
    })
}

fn named(id: &str, version: impl Into<String>) -> Release {
    Release { id: id.into(), version_id: version.into(), ..Release::default() }
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
    Ok(Release { codename, ..named("debian", version_id) })
}

/// `CentOS Linux release 7.9.2009 (Core)`, and its likes by everyone who comes from Red Hat; `VMware Photon OS 3.0`.
fn sentence(line: &str) -> Option<Release> {
    const NAMES: &[(&str, &str)] = &[
        ("red hat enterprise linux", "rhel"),
        ("centos", "centos"),
        ("fedora", "fedora"),
        ("almalinux", "almalinux"),
        ("rocky linux", "rocky"),
        ("oracle linux", "ol"),
        ("amazon linux", "amzn"),
        ("mageia", "mageia"),
        ("openeuler", "openeuler"),
        ("scientific linux", "scientific"),
        ("cloudlinux", "cloudlinux"),
        ("vmware photon", "photon"),
        ("photon", "photon"),
        ("cbl-mariner", "mariner"),
        ("microsoft azure linux", "azurelinux"),
        ("alpine", "alpine"),
    ];
    let lower = line.to_lowercase();
    let (_, id) = *NAMES.iter().find(|(name, _)| lower.starts_with(name))?;
    let is_version = |word: &&str| word.starts_with(|first: char| first.is_ascii_digit());
    let version = line.split_whitespace().find(is_version).unwrap_or_default();
    // Where os-release has a part of what is here: `7` of `7.9.2009`, `2.0` of `2.0.20230303`.
    let parts = match id {
        "centos" => 1,
        "mariner" | "azurelinux" | "photon" => 2,
        _ => 3,
    };
    let version = version.split('.').take(parts).collect::<Vec<_>>().join(".");
    Some(Release { pretty_name: Some(line.to_owned()), ..named(id, version) })
}

/// `DISTRIB_ID=Ubuntu`, `DISTRIB_RELEASE=10.04`, `DISTRIB_CODENAME=lucid`.
fn lsb_release(member: &mut Member<'_>) -> Result<Option<Release>, String> {
    let mut release = Release::default();
    each_assignment(member, |key, value| match key {
        "DISTRIB_ID" => release.id = value.to_lowercase(),
        "DISTRIB_RELEASE" if value.starts_with(|first: char| first.is_ascii_digit()) => release.version_id = value,
        "DISTRIB_CODENAME" => release.codename = Some(value),
        "DISTRIB_DESCRIPTION" => release.pretty_name = Some(value),
        _ => {}
    })?;
    Ok(Some(release).filter(|release| !release.id.is_empty()))
}

/// `SUSE Linux Enterprise Server 12 (x86_64)`, then `VERSION = 12` and `PATCHLEVEL = 5`.
fn suse_release(member: &mut Member<'_>) -> Result<Option<Release>, String> {
    let (mut first, mut version, mut level) = (None, None, None);
    let mut lines = Lines::new(member.lines());
    while let Some(line) = lines.next().map_err(|error| format!("reading stopped: {error}"))? {
        let text = String::from_utf8_lossy(line.bytes).trim().to_owned();
        match text.split_once('=').map(|(key, value)| (key.trim(), value.trim())) {
            Some(("VERSION", value)) => version = Some(value.to_owned()),
            Some(("PATCHLEVEL", value)) => level = Some(value.to_owned()),
            _ if first.is_none() && !text.is_empty() => first = Some(text),
            _ => {}
        }
    }
    let Some((first, version)) = first.zip(version) else { return Ok(None) };
    let is_open = first.to_lowercase().starts_with("opensuse");
    let version_id = match level.as_deref() {
        None | Some("0") => version,
        Some(level) => format!("{version}.{level}"),
    };
    let id = match (is_open, first.contains("Desktop")) {
        (true, _) => "opensuse",
        (false, true) => "sled",
        (false, false) => "sles",
    };
    Ok(Some(named(id, version_id)))
}

/// `KEY=value` lines as a shell would read them, without expansion.
pub(super) fn each_assignment(member: &mut Member<'_>, mut each: impl FnMut(&str, String)) -> Result<(), String> {
    let mut lines = Lines::new(member.lines());
    while let Some(line) = lines.next().map_err(|error| format!("reading stopped: {error}"))? {
        let text = String::from_utf8_lossy(line.bytes);
        let Some((key, value)) = text.trim().split_once('=') else { continue };
        let value = unquote(value);
        if !line.cut && !value.is_empty() {
            each(key, value);
        }
    }
    Ok(())
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

fn first_word(member: &mut Member<'_>) -> Result<String, String> {
    first_line(member)?.split_whitespace().next().map(str::to_owned).ok_or_else(|| "it is empty".to_owned())
}

fn first_line(member: &mut Member<'_>) -> Result<String, String> {
    let bytes = member.bytes(4096).map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty());
    line.map(str::to_owned).ok_or_else(|| "it is empty".to_owned())
}
