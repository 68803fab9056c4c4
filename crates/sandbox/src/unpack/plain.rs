//! Refusing members that two readers of tar read differently.
//!
//! What is scanned has to be what runs, but the scanner reads a layer as Go's `archive/tar` does and this process by
//! the `tar` crate. Where the two differ, a layer could show the one a harmless file and the other a program. No
//! builder writes such members; so they are errors here, before anything after them is read.

use std::collections::HashSet;
use std::fs::File;

use tar::{Entry, EntryType};

/// Records of an extended header that change what a member is or where the next one begins.
const MEANINGFUL: [&[u8]; 5] = [b"path", b"linkpath", b"size", b"uid", b"gid"];

/// Says why a member can be read in several ways, if so.
pub(super) fn check(entry: &mut Entry<'_, File>) -> Result<(), String> {
    let header = entry.header().as_bytes();
    let (magic, version, trailer) = (&header[257..263], &header[263..265], &header[508..512]);
    if magic == b"ustar\0" && (version != b"00" || trailer == b"tar\0") {
        return Err("its header is of a kind of tar that programs read differently".into());
    }
    let is_gnu = magic == b"ustar ";
    // Where GNU has times, some read the beginning of a path unless they are numbers.
    if is_gnu && !header[345..369].iter().all(|byte| matches!(byte, 0 | b' ' | b'0'..=b'7')) {
        return Err("its header holds times that are none".into());
    }
    let kind = entry.header().entry_type();
    let has_content = matches!(kind, EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse)
        || kind.is_pax_global_extensions();
    let old_folder = header[156] == 0 && entry.path_bytes().ends_with(b"/");
    if (!has_content || old_folder) && entry.size() != 0 {
        return Err("it has content, though it is no file".into());
    }
    check_extensions(entry)
}

fn check_extensions(entry: &mut Entry<'_, File>) -> Result<(), String> {
    let extensions = entry.pax_extensions().map_err(|error| format!("its extended header cannot be read: {error}"))?;
    let mut seen = HashSet::new();
    for extension in extensions.into_iter().flatten() {
        let extension = extension.map_err(|error| format!("its extended header cannot be read: {error}"))?;
        let name = extension.key_bytes();
        if name.starts_with(b"GNU.sparse.") {
            return Err(
                "it is a sparse file in pax form, which is not read here; build the layer without --sparse".into()
            );
        }
        if MEANINGFUL.contains(&name) && (extension.value_bytes().is_empty() || !seen.insert(name.to_owned())) {
            let name = String::from_utf8_lossy(name);
            return Err(format!("its extended header says {name:?} twice, or nothing by it"));
        }
    }
    Ok(())
}
