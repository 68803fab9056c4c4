//! How a key is named: a path, `file:PATH`, `piv:serial=12345678;slot=9c`, `pkcs11:token=…;object=…`.

pub mod piv;
pub mod token;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

pub use piv::PivUri;
pub use token::TokenUri;

use crate::KeyError;

/// Where a key is. One form everywhere: on the command line, in settings, in policies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyUri {
    /// An encrypted PKCS#8 file. The path is taken as written, nothing in it is percent-decoded.
    File(PathBuf),
    /// A key on a PIV card, `piv:serial=12345678;slot=9c`.
    Piv(PivUri),
    /// A key in a PKCS#11 token (RFC 7512).
    Pkcs11(Box<TokenUri>),
}

/// Longer than any path and than any URI that says something.
const MOST_BYTES: usize = 8 << 10;

impl KeyUri {
    /// The file, where the key is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Piv(_) | Self::Pkcs11(_) => None,
        }
    }
}

impl FromStr for KeyUri {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let refused = |reason: String| {
            // A PIN may stand in what is refused.
            let uri = if text.contains("pin-value") { "pkcs11:…".to_owned() } else { short(text) };
            KeyError::Uri { uri, reason }
        };
        if text.len() > MOST_BYTES {
            return Err(refused(format!("it is longer than {MOST_BYTES} bytes")));
        }
        let Some(scheme) = scheme(text) else { return file(text).map_err(refused) };
        let rest = &text[scheme.len() + 1..];
        match scheme.to_ascii_lowercase().as_str() {
            "file" => local(rest).and_then(file).map_err(refused),
            "piv" => rest.parse().map(Self::Piv).map_err(refused),
            "pkcs11" => rest.parse().map(|uri| Self::Pkcs11(Box::new(uri))).map_err(refused),
            _ => Err(refused(format!(
                "keys of the kind {scheme:?} are not supported; name a file (file:PATH, or file:./{} where that is the \
                 file's name), a card (piv:slot=9c) or a token (pkcs11:token=NAME;object=NAME)",
                short(text)
            ))),
        }
    }
}

/// RFC 8089 section 2: an authority may stand before the path; only this machine's is served.
fn local(rest: &str) -> Result<&str, String> {
    let Some(rest) = rest.strip_prefix("//") else { return Ok(rest) };
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if path.starts_with('/') {
        Ok(path)
    } else {
        Err("file: names a path on this machine, for example file:release.key".into())
    }
}

fn file(path: &str) -> Result<KeyUri, String> {
    if path.is_empty() {
        return Err("the path is empty; name a file, for example file:release.key".into());
    }
    if path.contains('\0') {
        return Err("a path has no zero byte".into());
    }
    Ok(KeyUri::File(PathBuf::from(path)))
}

/// The scheme before the colon (RFC 3986 section 3.1), if there is one. A single letter is none, nor is one after a
/// slash.
fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once(':')?;
    let mut bytes = scheme.bytes();
    let starts = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic());
    let goes_on = bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    (starts && goes_on && scheme.len() > 1).then_some(scheme)
}

fn short(text: &str) -> String {
    if text.chars().count() > 200 { text.chars().take(200).chain(['…']).collect() } else { text.to_owned() }
}

impl fmt::Display for KeyUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // What two slashes follow is a machine's name (RFC 8089), unless there are two more.
            Self::File(path) if path.as_os_str().as_encoded_bytes().starts_with(b"//") => {
                write!(formatter, "file://{}", path.display())
            }
            Self::File(path) => write!(formatter, "file:{}", path.display()),
            Self::Piv(uri) => uri.fmt(formatter),
            Self::Pkcs11(uri) => uri.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_of(text: &str) -> String {
        text.parse::<KeyUri>().expect(text).path().expect(text).display().to_string()
    }

    #[test]
    fn a_bare_path_and_a_file_uri_name_the_same_file() {
        assert_eq!(path_of("release.key"), "release.key");
        assert_eq!(path_of("file:release.key"), "release.key");
        assert_eq!(path_of("file:/etc/release.key"), "/etc/release.key");
        assert_eq!(path_of("file:///etc/release.key"), "/etc/release.key");
        assert_eq!(path_of("file://localhost/etc/release.key"), "/etc/release.key");
        assert_eq!(path_of("./odd:name.key"), "./odd:name.key");
        assert_eq!(path_of("file:odd:name.key"), "odd:name.key");
    }

    #[test]
    fn a_foreign_scheme_is_refused_by_name() {
        for text in ["awskms:///alias/x", "cosign.key:x", "https://example.com/key"] {
            let error = text.parse::<KeyUri>().expect_err(text).to_string();
            assert!(error.contains("not supported") && error.contains("piv:slot=9c"), "{error}");
        }
    }

    #[test]
    fn a_path_that_begins_with_two_slashes_is_written_as_it_is_read() {
        for path in ["//server/release.key", "//x", "///x"] {
            let uri: KeyUri = path.parse().unwrap();
            assert_eq!(uri.to_string().parse::<KeyUri>().unwrap(), uri, "{path}");
        }
    }

    #[test]
    fn an_empty_path_or_another_machine_is_refused() {
        for text in ["", "file:", "file://example.com/key", "file://x", "a\0b", &"x".repeat(9000)] {
            text.parse::<KeyUri>().expect_err(text);
        }
    }

    #[test]
    fn a_pin_in_a_refused_name_is_not_repeated() {
        let error = "pkcs11:token=x?pin-value=135790".parse::<KeyUri>().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("135790"), "{error}");
        assert!(error.to_string().contains("command line"), "{error}");
    }
}
