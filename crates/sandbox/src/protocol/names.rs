//! Names that become names of folders: checked when they are made, so that no path can hide in one.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The digest of a layer's plain tar, as `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DiffId(String);

/// The name of one container among all of this machine: 12 to 64 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContainerId(String);

/// Why a text is none of the two.
#[derive(Debug, Error)]
pub enum NameError {
    /// No diff id.
    #[error("{0:?} is not the digest of a layer; sha256: and 64 hexadecimal digits were expected")]
    DiffId(String),
    /// No container id.
    #[error("{0:?} is not the id of a container; 12 to 64 hexadecimal digits were expected")]
    ContainerId(String),
}

/// Digits that `ContainerId` and `DiffId` are made of: nothing that a path, a mount option or a terminal reads
/// as anything else.
fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Cuts what an error repeats of a hostile text.
fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

impl DiffId {
    /// The name of its folder: only the digits, since overlayfs reads a colon as the end of a path.
    pub fn folder(&self) -> &str {
        self.0.strip_prefix("sha256:").unwrap_or(&self.0)
    }
}

impl TryFrom<String> for DiffId {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        match text.strip_prefix("sha256:") {
            Some(digits) if digits.len() == 64 && is_hexadecimal(digits) => Ok(Self(text)),
            _ => Err(NameError::DiffId(shortened(&text))),
        }
    }
}

impl std::str::FromStr for DiffId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        text.to_owned().try_into()
    }
}

impl From<DiffId> for String {
    fn from(name: DiffId) -> Self {
        name.0
    }
}

impl fmt::Display for DiffId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl ContainerId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ContainerId {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        if (12..=64).contains(&text.len()) && is_hexadecimal(&text) {
            Ok(Self(text))
        } else {
            Err(NameError::ContainerId(shortened(&text)))
        }
    }
}

impl std::str::FromStr for ContainerId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        text.to_owned().try_into()
    }
}

impl From<ContainerId> for String {
    fn from(name: ContainerId) -> Self {
        name.0
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_a_path_is_refused() {
        for text in
            ["", "..", "../../../etc", "sha256:", "sha256:../../../../../../../../../../../../../../../etc", "a/b"]
        {
            assert!(text.parse::<DiffId>().is_err(), "{text}");
            assert!(text.parse::<ContainerId>().is_err(), "{text}");
        }
        let upper = format!("sha256:{}", "A".repeat(64));
        assert!(upper.parse::<DiffId>().is_err());
        let zero = format!("{}\0", "a".repeat(12));
        assert!(zero.parse::<ContainerId>().is_err());
    }

    #[test]
    fn a_folder_of_a_layer_has_no_colon() {
        let name: DiffId = format!("sha256:{}", "0a".repeat(32)).parse().unwrap();
        assert_eq!(name.folder(), "0a".repeat(32));
    }
}
