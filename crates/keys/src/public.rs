//! The public half of a key.

use std::fmt;
use std::path::Path;

use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{DerSignature, VerifyingKey};
use pkcs8::der::pem::{self, PemLabel};
use pkcs8::der::{Decode, Document};
use pkcs8::{DecodePublicKey, EncodePublicKey, LineEnding, SubjectPublicKeyInfoRef};
use sha2::{Digest as _, Sha256};

use crate::KeyError;

/// A public key's file is a few hundred bytes; what is larger is something else.
const FILE_LIMIT: u64 = 64 << 10;

/// The widest signature of P-256 as DER is 72 bytes.
const SIGNATURE_LIMIT: usize = 128;

/// A public key, as PKIX (RFC 5280 SubjectPublicKeyInfo) DER.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PublicKey {
    /// The DER bytes, checked when made and written anew, so that one key has one form (a point can be written
    /// compressed) and one fingerprint.
    der: Vec<u8>,
}

impl PublicKey {
    /// The DER bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Reads `-----BEGIN PUBLIC KEY-----`.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        Self::named_from_pem(text, "the public key")
    }

    /// Reads a file with one PEM public key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let text = crate::file::read_bounded(path, FILE_LIMIT)?;
        Self::named_from_pem(&text, &path.display().to_string())
    }

    /// Reads DER.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        Self::named_from_der(der, "the public key")
    }

    /// Writes `-----BEGIN PUBLIC KEY-----`.
    pub fn to_pem(&self) -> String {
        // Both steps cannot fail on bytes that were made by `encode` below; an empty text would be refused by
        // every reader.
        Document::try_from(self.der.as_slice())
            .and_then(|document| document.to_pem(SubjectPublicKeyInfoRef::PEM_LABEL, LineEnding::LF))
            .unwrap_or_default()
    }

    /// Checks a DER signature over `message`.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
        let bad = || KeyError::BadSignature(self.fingerprint());
        if signature.len() > SIGNATURE_LIMIT {
            return Err(bad());
        }
        let key = VerifyingKey::from_public_key_der(&self.der).map_err(|_| bad())?;
        let signature = DerSignature::from_bytes(signature).map_err(|_| bad())?;
        key.verify(message, &signature).map_err(|_| bad())
    }

    /// SHA-256 over the DER as hex: how people and policies tell keys apart.
    pub fn fingerprint(&self) -> String {
        self.fingerprint_bytes().iter().fold(String::with_capacity(64), |mut text, byte| {
            use fmt::Write as _;
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// SHA-256 over the DER: what Sigstore's bundles carry (as base64) as the hint to the key.
    pub fn fingerprint_bytes(&self) -> [u8; 32] {
        Sha256::digest(&self.der).into()
    }

    pub(crate) fn from_verifying(key: &VerifyingKey) -> Result<Self, KeyError> {
        let document = key.to_public_key_der().map_err(|error| KeyError::Malformed {
            name: "the public key".into(),
            wanted: "public key on P-256",
            reason: error.to_string(),
        })?;
        Ok(Self { der: document.into_vec() })
    }

    fn named_from_pem(text: &str, name: &str) -> Result<Self, KeyError> {
        let malformed =
            |reason: String| KeyError::Malformed { name: name.to_owned(), wanted: "PEM public key", reason };
        if text.len() as u64 > FILE_LIMIT {
            return Err(malformed("it is too long".into()));
        }
        let text = from_first_label(text).ok_or_else(|| {
            malformed("it has no line -----BEGIN PUBLIC KEY-----; give the .pub file that belongs to the key".into())
        })?;
        let label = pem::decode_label(text.as_bytes()).map_err(|error| malformed(error.to_string()))?;
        if label != SubjectPublicKeyInfoRef::PEM_LABEL {
            return Err(malformed(format!("it holds {label:?}; give the .pub file that belongs to the key")));
        }
        let (_, document) = Document::from_pem(text).map_err(|error| malformed(error.to_string()))?;
        Self::named_from_der(document.as_bytes(), name)
    }

    fn named_from_der(der: &[u8], name: &str) -> Result<Self, KeyError> {
        let malformed = |reason: String| KeyError::Malformed { name: name.to_owned(), wanted: "PKIX key", reason };
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|error| malformed(error.to_string()))?;
        let curve = info.algorithm.parameters_oid().ok().map(|oid| oid.to_string());
        let algorithm = info.algorithm.oid.to_string();
        match (algorithm.as_str(), curve.as_deref()) {
            (EC, Some(P256)) => {}
            (EC, Some(P384)) => return Err(Self::refused(name, "ECDSA on P-384")),
            (EC, Some(P521)) => return Err(Self::refused(name, "ECDSA on P-521")),
            (EC, other) => {
                return Err(Self::refused(name, &format!("ECDSA on {}", other.unwrap_or("a curve of its own"))));
            }
            (RSA, _) => return Err(Self::refused(name, "RSA")),
            (ED25519, _) => return Err(Self::refused(name, "Ed25519")),
            (other, _) => return Err(Self::refused(name, other)),
        }
        let key = VerifyingKey::from_public_key_der(der).map_err(|error| malformed(error.to_string()))?;
        Self::from_verifying(&key)
    }

    fn refused(name: &str, algorithm: &str) -> KeyError {
        KeyError::Algorithm { name: name.to_owned(), algorithm: algorithm.to_owned() }
    }
}

// RFC 5480 section 2.1.1 and 2.1.1.1, RFC 8017 appendix A, RFC 8410 section 3.
const EC: &str = "1.2.840.10045.2.1";
const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";
const P521: &str = "1.3.132.0.35";
const RSA: &str = "1.2.840.113549.1.1.1";
const ED25519: &str = "1.3.101.112";

/// The text from its first PEM label on: people put comments above (RFC 7468 section 2 lets them).
pub(crate) fn from_first_label(text: &str) -> Option<&str> {
    text.find("-----BEGIN ").map(|start| text[start..].trim_end())
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicKey({})", self.fingerprint())
    }
}
