//! Small files of keys: read within bounds, written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::KeyError;

/// Reads a small text file, and never more than `limit` bytes of it.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> Result<Zeroizing<String>, KeyError> {
    let fail = |source| KeyError::File { action: "read", path: path.to_owned(), source };
    let file = File::open(path).map_err(fail)?;
    // All room at once: a vector that grows leaves copies behind that nobody wipes.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(limit).unwrap_or(0) + 1));
    file.take(limit + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > limit {
        return Err(fail(io::Error::other(format!("it is larger than {limit} bytes, so it is no key"))));
    }
    std::str::from_utf8(&bytes)
        .map(|text| Zeroizing::new(text.to_owned()))
        .map_err(|_| fail(io::Error::other("it is no text, so it is no PEM key")))
}

/// Writes a file whole or not at all, and never over another: it is written and synced under a name of its own, then
/// linked to its name, which fails where that exists.
pub(crate) fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), KeyError> {
    let fail = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyError::Exists(path.to_owned()),
        _ => KeyError::File { action: "write", path: path.to_owned(), source },
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut random = [0_u8; 8];
    getrandom::fill(&mut random).map_err(|error| KeyError::Random(error.to_string()))?;
    let draft = folder.join(format!(".plimsoll-key-{:016x}", u64::from_ne_bytes(random)));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::hard_link(&draft, path)
    })();
    let removed = fs::remove_file(&draft);
    written.map_err(fail)?;
    removed.map_err(fail)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(fail)
}
