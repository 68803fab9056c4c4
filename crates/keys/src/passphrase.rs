//! What unlocks a key file, and the places it may come from without a person.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::KeyError;

/// The variable of the environment. The weakest way: every process of the same user can read it, and children inherit
/// it.
pub const VARIABLE: &str = "PLIMSOLL_PASSPHRASE";

/// The name of the systemd credential (`LoadCredentialEncrypted=plimsoll-passphrase`).
pub const CREDENTIAL: &str = "plimsoll-passphrase";

const LIMIT: usize = 4096;

/// A passphrase; wiped when dropped, never shown.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// Takes what a person typed; the caller wipes `text`. `name` tells where it came from, for errors.
    pub fn new(text: &str, name: &str) -> Result<Self, KeyError> {
        Self::checked(Zeroizing::new(text.as_bytes().to_vec()), name)
    }

    /// Reads the first line of `input`.
    pub fn read(input: &mut dyn Read, name: &str) -> Result<Self, KeyError> {
        let fail = |source| KeyError::Passphrase { name: name.to_owned(), source };
        // All room at once: a vector that grows leaves copies behind that nobody wipes.
        let mut bytes = Zeroizing::new(Vec::with_capacity(LIMIT + 1));
        let mut byte = [0_u8];
        loop {
            match input.read(&mut byte) {
                Ok(0) => break,
                Ok(_) if byte[0] == b'\n' => break,
                Ok(_) if bytes.len() == LIMIT => {
                    return Err(fail(io::Error::other(format!("its first line has more than {LIMIT} bytes"))));
                }
                Ok(_) => bytes.push(byte[0]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(fail(error)),
            }
        }
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        Self::checked(bytes, name)
    }

    /// Reads the first line of an open descriptor of this process (`--passphrase-fd`).
    pub fn from_descriptor(number: u32) -> Result<Self, KeyError> {
        let name = format!("file descriptor {number}");
        // By its name rather than by its number: taking over a number that somebody else owns needs `unsafe`.
        let mut file = File::open(format!("/dev/fd/{number}")).map_err(|source| {
            let source = match source.kind() {
                io::ErrorKind::NotFound => io::Error::new(source.kind(), "it is not open in this process"),
                _ => source,
            };
            KeyError::Passphrase { name: name.clone(), source }
        })?;
        Self::read(&mut file, &name)
    }

    /// The passphrase that the surroundings hold, strongest place first: the named descriptor, systemd's credential,
    /// the environment. `None` means: ask a person.
    pub fn from_surroundings(descriptor: Option<u32>) -> Result<Option<Self>, KeyError> {
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        Self::from_places(descriptor, credentials.as_deref(), std::env::var_os(VARIABLE))
    }

    fn from_places(
        descriptor: Option<u32>,
        credentials: Option<&Path>,
        variable: Option<OsString>,
    ) -> Result<Option<Self>, KeyError> {
        if let Some(number) = descriptor {
            return Self::from_descriptor(number).map(Some);
        }
        if let Some(path) = credentials.map(|folder| folder.join(CREDENTIAL)) {
            match File::open(&path) {
                Ok(mut file) => return Self::read(&mut file, &path.display().to_string()).map(Some),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(KeyError::Passphrase { name: path.display().to_string(), source }),
            }
        }
        match variable {
            Some(value) => {
                let value = Zeroizing::new(value.into_encoded_bytes());
                Self::checked(value, VARIABLE).map(Some)
            }
            None => Ok(None),
        }
    }

    fn checked(bytes: Zeroizing<Vec<u8>>, name: &str) -> Result<Self, KeyError> {
        if bytes.is_empty() { Err(KeyError::EmptyPassphrase(name.to_owned())) } else { Ok(Self(bytes)) }
    }

    /// Whether two are the same, for one that is typed twice.
    pub fn same_as(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Passphrase(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<u8>, KeyError> {
        Passphrase::read(&mut &bytes[..], "the test").map(|passphrase| passphrase.bytes().to_vec())
    }

    #[test]
    fn only_the_first_line_counts_and_its_end_is_cut() {
        assert_eq!(read(b"one two\nthree").unwrap(), b"one two");
        assert_eq!(read(b"one\r\n").unwrap(), b"one");
        assert_eq!(read(b"one").unwrap(), b"one");
    }

    #[test]
    fn an_empty_or_endless_line_is_refused() {
        assert!(matches!(read(b"\n"), Err(KeyError::EmptyPassphrase(_))));
        assert!(matches!(read(b""), Err(KeyError::EmptyPassphrase(_))));
        assert!(matches!(read(&[b'x'; LIMIT + 1]), Err(KeyError::Passphrase { .. })));
        assert_eq!(read(&[b'x'; LIMIT]).unwrap().len(), LIMIT);
    }

    #[test]
    fn the_systemd_credential_goes_before_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        let places = |variable: Option<&str>| {
            Passphrase::from_places(None, Some(folder.path()), variable.map(OsString::from))
                .unwrap()
                .map(|passphrase| passphrase.bytes().to_vec())
        };
        assert_eq!(places(None), None);
        assert_eq!(places(Some("variable")), Some(b"variable".to_vec()));
        std::fs::write(folder.path().join(CREDENTIAL), "credential\n").unwrap();
        assert_eq!(places(Some("variable")), Some(b"credential".to_vec()));
    }

    #[test]
    fn a_descriptor_that_is_not_open_is_named() {
        let error = Passphrase::from_places(Some(987), None, None).unwrap_err().to_string();
        assert!(error.contains("file descriptor 987") && error.contains("not open"), "{error}");
    }

    #[test]
    fn debug_shows_nothing() {
        let passphrase = Passphrase::read(&mut &b"swordfish"[..], "the test").unwrap();
        assert!(!format!("{passphrase:?}").contains("sword"));
    }
}
