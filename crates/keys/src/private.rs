//! The secret half of a key, in memory.

use std::fmt;

use ed25519_dalek::pkcs8::KeypairBytes;
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use p256::ecdsa::{DerSignature as P256Signature, SigningKey as P256Key};
use p384::ecdsa::{DerSignature as P384Signature, SigningKey as P384Key};
use pkcs8::der::SecretDocument;
use pkcs8::{EncodePrivateKey as _, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use crate::{Algorithm, Hash, KeyError, Message, PublicKey, Signature};

/// A secret key that was decrypted, or is about to be encrypted. Wiped when dropped.
pub struct PrivateKey(Secret);

// Each kind wipes itself.
enum Secret {
    P256(P256Key),
    P384(P384Key),
    Ed25519(ed25519_dalek::SigningKey),
}

impl PrivateKey {
    /// Draws a new key from the system's random numbers.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        // A random number is no key once in 2^32 times (P-256's order is a little below 2^256): draw again.
        for _ in 0..8 {
            let mut bytes = Zeroizing::new([0_u8; 48]);
            let wide = if algorithm == Algorithm::EcdsaP384 { 48 } else { 32 };
            getrandom::fill(&mut bytes[..wide]).map_err(|error| KeyError::Random(error.to_string()))?;
            match Self::from_scalar(algorithm, &bytes[..wide]) {
                Ok(key) => return Ok(key),
                Err(error @ KeyError::Algorithm { .. }) => return Err(error),
                Err(_) => {}
            }
        }
        Err(KeyError::Random("eight times in a row what came was no key".into()))
    }

    /// A key from its number (ECDSA, big endian, as wide as the curve) or its seed (Ed25519).
    pub fn from_scalar(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, KeyError> {
        let none = |_| malformed("the secret key", &format!("its number is none of {algorithm}"));
        match algorithm {
            Algorithm::EcdsaP256 => {
                P256Key::from_slice(bytes).map(|key| Self(Secret::P256(key))).map_err(|error| none(error.to_string()))
            }
            Algorithm::EcdsaP384 => {
                P384Key::from_slice(bytes).map(|key| Self(Secret::P384(key))).map_err(|error| none(error.to_string()))
            }
            Algorithm::Ed25519 => ed25519_dalek::SigningKey::try_from(bytes)
                .map(|key| Self(Secret::Ed25519(key)))
                .map_err(|error| none(error.to_string())),
            Algorithm::Rsa { .. } => Err(rsa("the new key")),
        }
    }

    /// Reads PKCS#8 (RFC 5958). `name` is what it is called in errors.
    pub fn from_pkcs8(der: &[u8], name: &str) -> Result<Self, KeyError> {
        let lowered = lowered(der);
        let info = PrivateKeyInfoRef::try_from(der)
            .or_else(|error| lowered.as_deref().map_or(Err(error), |der| PrivateKeyInfoRef::try_from(der.as_slice())))
            .map_err(|error| malformed(name, &error.to_string()))?;
        let curve = info.algorithm.parameters_oid().ok();
        match (info.algorithm.oid.to_string().as_str(), curve.map(|oid| oid.to_string()).as_deref()) {
            (EC, Some(P256)) => P256Key::try_from(info).map(|key| Self(Secret::P256(key))),
            (EC, Some(P384)) => P384Key::try_from(info).map(|key| Self(Secret::P384(key))),
            (ED25519, None) => ed25519_dalek::SigningKey::try_from(info).map(|key| Self(Secret::Ed25519(key))),
            (RSA, _) => return Err(rsa(name)),
            (EC, Some(other)) => return Err(refused(name, &format!("ECDSA on {other}"))),
            (EC, None) => return Err(refused(name, "ECDSA on a curve of its own")),
            (other, _) => return Err(refused(name, other)),
        }
        .map_err(|error| malformed(name, &error.to_string()))
    }

    /// Reads ECPrivateKey (RFC 5915).
    pub fn from_sec1(der: &[u8], name: &str) -> Result<Self, KeyError> {
        // Each checks that the curve that is named is its own.
        if let Ok(key) = p256::SecretKey::from_sec1_der(der) {
            return Ok(Self(Secret::P256(key.into())));
        }
        p384::SecretKey::from_sec1_der(der)
            .map(|key| Self(Secret::P384(key.into())))
            .map_err(|_| malformed(name, "it is damaged, or for another curve than P-256 and P-384"))
    }

    /// Writes PKCS#8, in version 1, which every program reads.
    pub fn to_pkcs8(&self) -> Result<SecretDocument, KeyError> {
        match &self.0 {
            Secret::P256(key) => key.to_pkcs8_der(),
            Secret::P384(key) => key.to_pkcs8_der(),
            Secret::Ed25519(key) => {
                let seed = Zeroizing::new(key.to_bytes());
                KeypairBytes { secret_key: *seed, public_key: None }.to_pkcs8_der()
            }
        }
        .map_err(|error| malformed("the secret key", &error.to_string()))
    }

    /// The number or seed that [`Self::from_scalar`] takes: what cards and tokens import.
    pub fn to_scalar(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(match &self.0 {
            Secret::P256(key) => Zeroizing::new(key.to_bytes()).to_vec(),
            Secret::P384(key) => Zeroizing::new(key.to_bytes()).to_vec(),
            Secret::Ed25519(key) => Zeroizing::new(key.to_bytes()).to_vec(),
        })
    }

    /// What it signs with.
    pub fn algorithm(&self) -> Algorithm {
        match &self.0 {
            Secret::P256(_) => Algorithm::EcdsaP256,
            Secret::P384(_) => Algorithm::EcdsaP384,
            Secret::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// The public half.
    pub fn public_key(&self) -> Result<PublicKey, KeyError> {
        let point = match &self.0 {
            Secret::P256(key) => key.verifying_key().to_sec1_bytes().into_vec(),
            Secret::P384(key) => key.verifying_key().to_sec1_bytes().into_vec(),
            Secret::Ed25519(key) => key.verifying_key().to_bytes().to_vec(),
        };
        PublicKey::from_point(self.algorithm(), &point)
    }

    /// Signs. `name` is what the key is called in errors.
    pub fn sign(&self, message: &Message<'_>, name: &str) -> Result<Signature, KeyError> {
        let algorithm = self.algorithm();
        let fail = |reason: String| KeyError::Sign { name: name.to_owned(), reason };
        let hash = message.hash.unwrap_or(algorithm.hash());
        let bytes = match (&self.0, hash) {
            (Secret::P256(key), Hash::Sha256 | Hash::Sha384) => {
                let signed: Result<P256Signature, _> = key.sign_prehash(&hash.of(message.bytes));
                signed.map(|signature| signature.as_bytes().to_vec())
            }
            (Secret::P384(key), Hash::Sha256 | Hash::Sha384) => {
                let signed: Result<P384Signature, _> = key.sign_prehash(&hash.of(message.bytes));
                signed.map(|signature| signature.as_bytes().to_vec())
            }
            (Secret::Ed25519(key), _) if message.hash.is_none() => {
                ed25519_dalek::Signer::try_sign(key, message.bytes).map(|signature| signature.to_vec())
            }
            (_, hash) => return Err(fail(format!("keys for {algorithm} do not sign with {hash}"))),
        };
        Ok(Signature::new(algorithm, bytes.map_err(|error| fail(error.to_string()))?))
    }

    /// Signs a digest that somebody else made. Ed25519 signs messages only (RFC 8032 section 5.1).
    pub fn sign_digest(&self, digest: &[u8], hash: Hash, name: &str) -> Result<Signature, KeyError> {
        let algorithm = self.algorithm();
        let fail = |reason: String| KeyError::Sign { name: name.to_owned(), reason };
        let bytes = match (&self.0, hash) {
            (Secret::P256(key), Hash::Sha256 | Hash::Sha384) => {
                let signed: Result<P256Signature, _> = key.sign_prehash(digest);
                signed.map(|signature| signature.as_bytes().to_vec())
            }
            (Secret::P384(key), Hash::Sha256 | Hash::Sha384) => {
                let signed: Result<P384Signature, _> = key.sign_prehash(digest);
                signed.map(|signature| signature.as_bytes().to_vec())
            }
            (_, hash) => return Err(fail(format!("keys for {algorithm} do not sign a digest of {hash}"))),
        };
        Ok(Signature::new(algorithm, bytes.map_err(|error| fail(error.to_string()))?))
    }
}

const EC: &str = "1.2.840.10045.2.1";
const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";
const RSA: &str = "1.2.840.113549.1.1.1";
const ED25519: &str = "1.3.101.112";

/// The same as version 1. docker's keys say version 2 and lack the public key that is the sense of it (RFC 5958
/// section 2).
fn lowered(der: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let header = match der.get(1)? {
        ..=0x7f => 2,
        0x81 => 3,
        0x82 => 4,
        _ => return None,
    };
    if der.get(header..header + 3)? != [0x02, 0x01, 0x01] {
        return None;
    }
    let mut lowered = Zeroizing::new(der.to_vec());
    lowered[header + 2] = 0;
    Some(lowered)
}

fn malformed(name: &str, reason: &str) -> KeyError {
    KeyError::Malformed { name: name.to_owned(), wanted: "private key", reason: reason.to_owned() }
}

fn refused(name: &str, algorithm: &str) -> KeyError {
    KeyError::Algorithm { name: name.to_owned(), algorithm: algorithm.to_owned() }
}

/// RSA keys of others are verified; none is used to sign.
pub(crate) fn rsa(name: &str) -> KeyError {
    KeyError::Algorithm { name: name.to_owned(), algorithm: "RSA, with which nothing is signed here".to_owned() }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PrivateKey({}, …)", self.algorithm())
    }
}
