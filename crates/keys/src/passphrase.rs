//! What unlocks a key file, and the places it may come from without a person.

use std::fmt;
use std::io::Read;

use zeroize::Zeroizing;

use crate::KeyError;
use crate::secret::{self, Found, Places};

/// The variable of the environment. The weakest way: every process of the same user can read it, and children inherit
/// it.
pub const VARIABLE: &str = "PLIMSOLL_PASSPHRASE";

/// The name of the systemd credential (`LoadCredentialEncrypted=plimsoll-passphrase`).
pub const CREDENTIAL: &str = "plimsoll-passphrase";

/// A passphrase; wiped when dropped, never shown.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// Takes what a person typed; the caller wipes `text`. `name` tells where it came from, for errors.
    pub fn new(text: &str, name: &str) -> Result<Self, KeyError> {
        Self::checked((Zeroizing::new(text.as_bytes().to_vec()), name.to_owned()))
    }

    /// Reads the first line of `input`.
    pub fn read(input: &mut dyn Read, name: &str) -> Result<Self, KeyError> {
        Self::checked((secret::first_line(input, name)?, name.to_owned()))
    }

    /// Reads the first line of an open descriptor of this process (`--passphrase-fd`).
    pub fn from_descriptor(number: u32) -> Result<Self, KeyError> {
        Self::checked(secret::descriptor(number)?)
    }

    /// The passphrase that the surroundings hold, strongest place first: the named descriptor, systemd's credential,
    /// the environment. `None` means: ask a person.
    pub fn from_surroundings(descriptor: Option<u32>) -> Result<Option<Self>, KeyError> {
        Places::here(descriptor, CREDENTIAL, VARIABLE).look()?.map(Self::checked).transpose()
    }

    fn checked((bytes, name): Found) -> Result<Self, KeyError> {
        if bytes.is_empty() { Err(KeyError::EmptyPassphrase(name)) } else { Ok(Self(bytes)) }
    }

    /// Whether two are the same, for one that is typed twice.
    pub fn same_as(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    /// As text, where it is such: for secrets that are written in digits.
    pub fn as_text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
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
    use std::ffi::OsString;

    use super::*;
    use crate::secret::LIMIT;

    fn read(bytes: &[u8]) -> Result<Vec<u8>, KeyError> {
        Passphrase::read(&mut &bytes[..], "the test").map(|passphrase| passphrase.bytes().to_vec())
    }

    fn places(credentials: Option<&std::path::Path>, variable: Option<&str>) -> Places {
        Places {
            descriptor: None,
            credentials: credentials.map(Into::into),
            credential: CREDENTIAL,
            variable: VARIABLE,
            value: variable.map(OsString::from),
        }
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
        assert!(matches!(read(&[b'x'; LIMIT + 1]), Err(KeyError::Secret { .. })));
        assert_eq!(read(&[b'x'; LIMIT]).unwrap().len(), LIMIT);
    }

    #[test]
    fn the_systemd_credential_goes_before_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        let found = |variable| {
            let found = places(Some(folder.path()), variable).look().unwrap();
            found.map(|(bytes, _)| bytes.to_vec())
        };
        assert_eq!(found(None), None);
        assert_eq!(found(Some("variable")), Some(b"variable".to_vec()));
        std::fs::write(folder.path().join(CREDENTIAL), "credential\n").unwrap();
        assert_eq!(found(Some("variable")), Some(b"credential".to_vec()));
    }

    #[test]
    fn a_descriptor_that_is_not_open_is_named() {
        let error = Places { descriptor: Some(987), ..places(None, None) }.look().unwrap_err().to_string();
        assert!(error.contains("file descriptor 987") && error.contains("not open"), "{error}");
    }

    #[test]
    fn debug_shows_nothing() {
        let passphrase = Passphrase::read(&mut &b"swordfish"[..], "the test").unwrap();
        assert!(!format!("{passphrase:?}").contains("sword"));
    }
}
