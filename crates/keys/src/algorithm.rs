//! What a key signs with.

use std::fmt;

/// The algorithm of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA on P-256 (FIPS 186-5).
    EcdsaP256,
    /// ECDSA on P-384.
    EcdsaP384,
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// RSA, whose signatures are verified and never made here.
    Rsa {
        /// The modulus' length.
        bits: u32,
    },
}

/// The hash inside a signature. Ed25519 has its own and takes none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
}

impl Algorithm {
    /// The hash that goes with the algorithm where nobody asks for another: as wide as the curve. TUF's clients want
    /// SHA-256 on P-384 as well, so a [`crate::Message`] can name one.
    pub fn hash(self) -> Hash {
        match self {
            Self::EcdsaP384 => Hash::Sha384,
            Self::EcdsaP256 | Self::Ed25519 | Self::Rsa { .. } => Hash::Sha256,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EcdsaP256 => formatter.write_str("ECDSA on P-256"),
            Self::EcdsaP384 => formatter.write_str("ECDSA on P-384"),
            Self::Ed25519 => formatter.write_str("Ed25519"),
            Self::Rsa { bits } => write!(formatter, "RSA with {bits} bits"),
        }
    }
}
