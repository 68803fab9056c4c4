//! What unlocks a device, and the places it may come from without a person.

use std::fmt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::KeyError;
use crate::secret::{self, Found, Places};

/// The variable of the environment. The weakest way: every process of the same user can read it, and children inherit
/// it.
pub const VARIABLE: &str = "PLIMSOLL_PIN";

/// The name of the systemd credential (`LoadCredentialEncrypted=plimsoll-pin`).
pub const CREDENTIAL: &str = "plimsoll-pin";

/// A PIN or PUK; wiped when dropped, never shown.
#[derive(Clone)]
pub struct Pin(Zeroizing<Vec<u8>>);

impl Pin {
    /// Takes what a person typed; the caller wipes `text`.
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.as_bytes().to_vec()))
    }

    /// The PIN that the surroundings hold, strongest place first: the named descriptor, systemd's credential, the
    /// environment. `None` means: ask a person.
    pub fn from_surroundings(descriptor: Option<u32>) -> Result<Option<Self>, KeyError> {
        Places::here(descriptor, CREDENTIAL, VARIABLE).look()?.map(Self::checked).transpose()
    }

    /// Reads the first line of a file (`pin-source` of RFC 7512).
    pub fn from_file(path: &Path) -> Result<Self, KeyError> {
        Self::checked(secret::file(path)?)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// An empty PIN would burn a try for nothing.
    fn checked((bytes, name): Found) -> Result<Self, KeyError> {
        if bytes.is_empty() { Err(KeyError::EmptyPin(name)) } else { Ok(Self(bytes)) }
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Pin(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_its_first_line_and_an_empty_one_no_try() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pin");
        std::fs::write(&path, "135790\nmore").unwrap();
        assert_eq!(Pin::from_file(&path).unwrap().as_bytes(), b"135790");
        std::fs::write(&path, "\n135790").unwrap();
        assert!(matches!(Pin::from_file(&path), Err(KeyError::EmptyPin(_))));
        assert!(Pin::from_file(&folder.path().join("none")).unwrap_err().to_string().contains("none"));
    }

    #[test]
    fn debug_shows_nothing() {
        assert!(!format!("{:?}", Pin::new("135790")).contains("135"));
    }
}
