//! How a key is named: `file:PATH`, or a bare path.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::KeyError;

/// Where a key is. One form everywhere: on the command line, in settings, in policies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyUri {
    /// An encrypted PKCS#8 file. The path is taken as written, nothing in it is percent-decoded.
    File(PathBuf),
    /// A key on a PIV card, `piv:serial=12345678;slot=9c`.
    Piv(PivUri),
    /// A key in a PKCS#11 token (RFC 7512), as written.
    Pkcs11(String),
}

/// Which card, and which slot of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PivUri {
    /// The card's serial number; without it the only card that is there.
    pub serial: Option<u32>,
    /// The slot, `0x9c` where none is written.
    pub slot: Option<u8>,
}

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
        let refused = |reason: String| KeyError::Uri { uri: text.to_owned(), reason };
        let path = match scheme(text) {
            None => text,
            Some("file") => {
                let rest = &text["file:".len()..];
                match rest.strip_prefix("//") {
                    None => rest,
                    // RFC 8089 section 2: an authority may stand before the path; only this machine's is served.
                    Some(rest) => {
                        let path = rest.strip_prefix("localhost").unwrap_or(rest);
                        if !path.starts_with('/') {
                            return Err(refused(
                                "file: names a path on this machine, for example file:release.key".into(),
                            ));
                        }
                        path
                    }
                }
            }
            Some(other) => {
                return Err(refused(format!(
                    "keys of the kind {other:?} are not supported; name a file (file:PATH, or file:./{text} where that \
                     is the file's name)"
                )));
            }
        };
        if path.is_empty() {
            return Err(refused("the path is empty; name a file, for example file:release.key".into()));
        }
        if path.contains('\0') {
            return Err(refused("a path has no zero byte".into()));
        }
        Ok(Self::File(PathBuf::from(path)))
    }
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

impl fmt::Display for KeyUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "file:{}", path.display()),
            Self::Piv(PivUri { serial, slot }) => {
                formatter.write_str("piv:")?;
                if let Some(serial) = serial {
                    write!(formatter, "serial={serial};")?;
                }
                write!(formatter, "slot={:02x}", slot.unwrap_or(0x9c))
            }
            Self::Pkcs11(uri) => formatter.write_str(uri),
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
        for text in ["pkcs11:token=x", "awskms:///alias/x", "piv:9c", "https://example.com/key"] {
            let error = text.parse::<KeyUri>().expect_err(text).to_string();
            assert!(error.contains("not supported"), "{error}");
        }
    }

    #[test]
    fn an_empty_path_or_another_machine_is_refused() {
        for text in ["", "file:", "file://example.com/key", "file://x", "a\0b"] {
            text.parse::<KeyUri>().expect_err(text);
        }
    }
}
