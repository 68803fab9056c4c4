//! What a key signs with.

use std::fmt;

use sha2::{Digest as _, Sha256, Sha384, Sha512};

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
    /// SHA-512; with RSA alone.
    Sha512,
}

/// How exactly a signature is made by a key: for most keys there are several ways, and the bytes do not tell which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// ECDSA over this hash of the message, as ASN.1 DER.
    Ecdsa(Hash),
    /// Ed25519 over the message itself. What `cosign verify` reads.
    Ed25519,
    /// Ed25519ph (RFC 8032 section 5.1), over the message's SHA-512, without a context. What `cosign sign` writes.
    Ed25519ph,
    /// RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2).
    RsaPkcs1(Hash),
    /// RSASSA-PSS (RFC 8017 section 8.1), with the hash in its mask and a salt as long as the hash: PS256 of RFC 7518.
    RsaPss(Hash),
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

    /// How the key signs where nobody asks for another way.
    pub fn scheme(self) -> Scheme {
        match self {
            Self::EcdsaP256 | Self::EcdsaP384 => Scheme::Ecdsa(self.hash()),
            Self::Ed25519 => Scheme::Ed25519,
            Self::Rsa { .. } => Scheme::RsaPkcs1(self.hash()),
        }
    }

    /// The ways in which Sigstore's clients sign with such a key, the registered one first.
    ///
    /// Seen in cosign 3.1.3: it signs with SHA-384 on P-384 and with Ed25519ph, as Sigstore's registry of algorithms
    /// says, but checks with SHA-256 (until told `--signature-digest-algorithm sha384`) and with plain Ed25519 always.
    /// Other verifiers read SHA-256 on P-384 as well, for what older clients made (sigstore-go, `compatVerifier`).
    pub fn sigstore_schemes(self) -> &'static [Scheme] {
        match self {
            Self::EcdsaP256 => &[Scheme::Ecdsa(Hash::Sha256)],
            Self::EcdsaP384 => &[Scheme::Ecdsa(Hash::Sha384), Scheme::Ecdsa(Hash::Sha256)],
            Self::Ed25519 => &[Scheme::Ed25519, Scheme::Ed25519ph],
            Self::Rsa { .. } => &[Scheme::RsaPkcs1(Hash::Sha256), Scheme::RsaPss(Hash::Sha256)],
        }
    }
}

impl Hash {
    /// The hash of `message`.
    pub fn of(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha384 => Sha384::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        })
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ecdsa(hash) => write!(formatter, "ECDSA with {hash}"),
            Self::Ed25519 => formatter.write_str("Ed25519"),
            Self::Ed25519ph => formatter.write_str("Ed25519ph"),
            Self::RsaPkcs1(hash) => write!(formatter, "RSA PKCS#1 v1.5 with {hash}"),
            Self::RsaPss(hash) => write!(formatter, "RSA PSS with {hash}"),
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
