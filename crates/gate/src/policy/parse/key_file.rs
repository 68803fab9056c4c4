//! Files of public keys and certificates, as a policy names them.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use keys::PublicKey;
use toml::Spanned;
use toml::de::DeValue;

use crate::policy::section::{Problems, excerpt, string, wrong_type};
use crate::{TrustedCertificate, TrustedKey};

/// A PEM public key has some 200 bytes.
const LONGEST: u64 = 64 * 1024;

/// Reads a list of key files; says whether all could be read.
pub(super) fn keys(
    value: &Spanned<DeValue<'_>>,
    folder: &Path,
    keys: &mut Vec<TrustedKey>,
    problems: &mut Problems<'_>,
) -> bool {
    let mut whole = true;
    for (entry, name) in names("keys", "keys = [\"release.pub\"]", value, problems, &mut whole) {
        match read(name, folder) {
            Ok(key) => match keys.iter().find(|known| known.key == key) {
                // Counted twice it would let one person reach a threshold of two.
                Some(known) => {
                    let known = &known.name;
                    problems
                        .add(&entry.span(), format!("{name:?} holds the same key as {known:?}; name each key once"));
                    whole = false;
                }
                None => keys.push(TrustedKey { name: name.to_owned(), key }),
            },
            Err(message) => {
                problems.add(&entry.span(), message);
                whole = false;
            }
        }
    }
    whole
}

/// Reads a list of files with PEM certificates, each one or several; says whether all could be read.
pub(super) fn certificates(
    key: &str,
    value: &Spanned<DeValue<'_>>,
    folder: &Path,
    certificates: &mut Vec<TrustedCertificate>,
    problems: &mut Problems<'_>,
) -> bool {
    let mut whole = true;
    let example = format!("{key} = [\"authority.pem\"]");
    for (entry, name) in names(key, &example, value, problems, &mut whole) {
        match read_certificates(name, folder) {
            Ok(found) => {
                certificates.extend(found.into_iter().map(|der| TrustedCertificate { name: name.to_owned(), der }));
            }
            Err(message) => {
                problems.add(&entry.span(), message);
                whole = false;
            }
        }
    }
    whole
}

/// The file names in a list that must not be empty.
fn names<'t, 'i>(
    key: &str,
    example: &str,
    value: &'t Spanned<DeValue<'i>>,
    problems: &mut Problems<'_>,
    whole: &mut bool,
) -> Vec<(&'t Spanned<DeValue<'i>>, &'t str)> {
    let DeValue::Array(array) = value.get_ref() else {
        wrong_type(key, "an array of file names", value, example, problems);
        *whole = false;
        return Vec::new();
    };
    if array.is_empty() {
        let message = format!("`{key}` is empty, so that nothing could ever be allowed; name a file: {example}");
        problems.add(&value.span(), message);
        *whole = false;
    }
    let mut names = Vec::new();
    for entry in array {
        match string(key, entry, &format!("each as a file name: {example}"), problems) {
            Some(name) => names.push((entry, name)),
            None => *whole = false,
        }
    }
    names
}

fn read_certificates(name: &str, folder: &Path) -> Result<Vec<Vec<u8>>, String> {
    let text = read_text(&folder.join(name)).map_err(|error| {
        let name = excerpt(name);
        match error.kind() {
            io::ErrorKind::NotFound => format!(
                "certificate file {name:?} is not there; put it there as PEM (paths start at the policy's own folder)"
            ),
            _ => format!("certificate file {name:?} cannot be read: {error}; it must be PEM that this user may read"),
        }
    })?;
    if text.contains("PRIVATE KEY") {
        return Err(format!("certificate file {:?} holds a private key, which does not belong there", excerpt(name)));
    }
    keys::pem::certificates(&text)
        .map_err(|error| format!("certificate file {:?} cannot be used: {error}", excerpt(name)))
}

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
