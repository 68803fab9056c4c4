//! A public key's file, as a policy names it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use keys::PublicKey;

use crate::policy::section::excerpt;

/// A PEM public key has some 200 bytes.
const LONGEST: u64 = 64 * 1024;

/// Reads a key; `name` is relative to `folder` unless it is absolute. The error is a problem's message.
pub(super) fn read(name: &str, folder: &Path) -> Result<PublicKey, String> {
    let path = folder.join(name);
    let name = excerpt(name);
    if name.is_empty() {
        return Err("a key's file name is empty; write the path of a PEM public key, such as \"release.pub\"".into());
    }
    let text = read_text(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!(
            "key file {name:?} is not there; put the public key there (paths start at the policy's own folder), or \
             make a pair with `plimsoll key generate`"
        ),
        _ => format!("key file {name:?} cannot be read: {error}; it must be a PEM public key that this user may read"),
    })?;
    // The usual slip, and one that would put a secret where everybody reads.
    if text.contains("PRIVATE KEY") {
        return Err(format!("key file {name:?} holds a private key; name the public half, which ends in .pub"));
    }
    PublicKey::from_pem(&text).map_err(|error| format!("key file {name:?} cannot be used: {error}"))
}

fn read_text(path: &Path) -> io::Result<String> {
    // Opening a pipe would wait for its writer, and a device may never end.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut text = String::new();
    File::open(path)?.take(LONGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(io::Error::other(format!("it is longer than {LONGEST} bytes")));
    }
    Ok(text)
}
