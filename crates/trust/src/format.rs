//! The forms in which a signature of an image lies in a registry.

use std::fmt;
use std::str::FromStr;

/// A form of signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// A Sigstore bundle as OCI 1.1 referrer: cosign 3's and our own.
    #[default]
    Bundle,
    /// The tag `sha256-HEX.sig` of cosign before version 3.
    CosignTag,
    /// notation's JWS as OCI 1.1 referrer.
    Notation,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Bundle, Self::CosignTag, Self::Notation];

    /// The word for it on the command line, in requests and in policies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bundle => "bundle",
            Self::CosignTag => "cosign-tag",
            Self::Notation => "notation",
        }
    }

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Bundle => "Sigstore bundle",
            Self::CosignTag => "cosign signature (before version 3)",
            Self::Notation => "notation signature",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The text names no format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no format of signatures; there are bundle, cosign-tag and notation")]
pub struct FormatError(String);

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let found = Self::ALL.into_iter().find(|format| format.as_str() == text);
        found.ok_or_else(|| FormatError(text.chars().take(40).collect()))
    }
}
