//! The public half of a key.

use std::fmt;
use std::path::Path;

use ed25519_dalek::VerifyingKey as Ed25519Key;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use pkcs8::der::Document;
use pkcs8::der::pem::PemLabel;
use pkcs8::{LineEnding, SubjectPublicKeyInfoRef};
use ring::signature::{self as checks, UnparsedPublicKey, VerificationAlgorithm};
use sha2::{Digest as _, Sha256, Sha512};

use crate::armor::Armor;
use crate::spki::{Parsed, parse};
use crate::{Algorithm, Hash, KeyError, Scheme};

/// A public key's file is a few hundred bytes, a few thousand for the largest RSA; what is larger is something else.
const FILE_LIMIT: u64 = 64 << 10;

/// The widest signature is that of RSA with 8192 bits.
const SIGNATURE_LIMIT: usize = 1024;

/// A public key, as PKIX (RFC 5280 SubjectPublicKeyInfo) DER.
#[derive(Clone)]
pub struct PublicKey {
    /// The DER bytes, checked when made and written anew, so that one key has one form (a point can be written
    /// compressed) and one fingerprint.
    der: Vec<u8>,
    algorithm: Algorithm,
    /// What the algorithm calls its key: a point, 32 bytes, an RSA key (RFC 8017 appendix A.1.1).
    bare: Vec<u8>,
}

impl PublicKey {
    /// The DER bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What it verifies.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// A point of the curve, Ed25519's 32 bytes, or an RSA key (RFC 8017 appendix A.1.1): what devices call the key.
    pub fn point(&self) -> &[u8] {
        &self.bare
    }

    /// Reads `-----BEGIN PUBLIC KEY-----`.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        Self::named_from_pem(text, "the public key")
    }

    /// Reads a file with one PEM public key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let text = crate::disk::read_bounded(path, FILE_LIMIT)?;
        Self::named_from_pem(&text, &path.display().to_string())
    }

    /// Reads DER.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        Ok(parse(der, "the public key")?.into())
    }

    /// A key on a curve from its point (SEC 1 section 2.3.3), or Ed25519's from its 32 bytes: as cards and tokens tell
    /// them.
    pub fn from_point(algorithm: Algorithm, point: &[u8]) -> Result<Self, KeyError> {
        Ok(crate::spki::of_point(algorithm, point, "the public key")?.into())
    }

    /// An RSA key from its modulus and exponent, big endian.
    pub fn from_rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        Ok(crate::spki::of_rsa(modulus, exponent, "the public key")?.into())
    }

    /// Writes `-----BEGIN PUBLIC KEY-----`.
    pub fn to_pem(&self) -> String {
        // Both steps cannot fail on bytes that were written by `spki`; an empty text would be refused by every reader.
        Document::try_from(self.der.as_slice())
            .and_then(|document| document.to_pem(SubjectPublicKeyInfoRef::PEM_LABEL, LineEnding::LF))
            .unwrap_or_default()
    }

    /// Checks a signature over `message`, made in the way that goes with the key ([`Algorithm::scheme`]).
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
        self.verify_with(self.algorithm.scheme(), message, signature)
    }

    /// Checks a signature over `message` that was made in this way. A way that the key has not is a signature that
    /// does not match.
    pub fn verify_with(&self, scheme: Scheme, message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
        let bad = || KeyError::BadSignature(self.fingerprint());
        if signature.len() > SIGNATURE_LIMIT {
            return Err(bad());
        }
        if (self.algorithm, scheme) == (Algorithm::Ed25519, Scheme::Ed25519ph) {
            return self.verify_prehashed(message, signature).ok_or_else(bad);
        }
        let check = check(self.algorithm, scheme).ok_or_else(bad)?;
        UnparsedPublicKey::new(check, &self.bare).verify(message, signature).map_err(|_| bad())
    }

    /// Checks a signature of ECDSA over a digest that somebody else made.
    pub fn verify_digest(&self, digest: &[u8], signature: &[u8]) -> Result<(), KeyError> {
        let holds = match self.algorithm {
            Algorithm::EcdsaP256 => p256::ecdsa::VerifyingKey::from_sec1_bytes(&self.bare)
                .and_then(|key| key.verify_prehash(digest, &p256::ecdsa::Signature::from_der(signature)?)),
            Algorithm::EcdsaP384 => p384::ecdsa::VerifyingKey::from_sec1_bytes(&self.bare)
                .and_then(|key| key.verify_prehash(digest, &p384::ecdsa::Signature::from_der(signature)?)),
            Algorithm::Ed25519 | Algorithm::Rsa { .. } => return Err(KeyError::BadSignature(self.fingerprint())),
        };
        holds.map_err(|_| KeyError::BadSignature(self.fingerprint()))
    }

    /// Checks a signature that may have been made in any of these ways ([`Algorithm::sigstore_schemes`]), and says in
    /// which.
    pub fn verify_any(&self, schemes: &[Scheme], message: &[u8], signature: &[u8]) -> Result<Scheme, KeyError> {
        let holds = |scheme: &&Scheme| self.verify_with(**scheme, message, signature).is_ok();
        schemes.iter().find(holds).copied().ok_or_else(|| KeyError::BadSignature(self.fingerprint()))
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

    fn verify_prehashed(&self, message: &[u8], signature: &[u8]) -> Option<()> {
        let key = Ed25519Key::try_from(self.bare.as_slice()).ok()?;
        let signature = ed25519_dalek::Signature::from_slice(signature).ok()?;
        key.verify_prehashed_strict(Sha512::new_with_prefix(message), None, &signature).ok()
    }

    fn named_from_pem(text: &str, name: &str) -> Result<Self, KeyError> {
        let malformed =
            |reason: String| KeyError::Malformed { name: name.to_owned(), wanted: "PEM public key", reason };
        if text.len() as u64 > FILE_LIMIT {
            return Err(malformed("it is too long".into()));
        }
        let armor = Armor::all(text).map_err(malformed)?.into_iter().next().ok_or_else(|| {
            malformed("it has no line -----BEGIN PUBLIC KEY-----; give the .pub file that belongs to the key".into())
        })?;
        if armor.label != SubjectPublicKeyInfoRef::PEM_LABEL {
            return Err(malformed(format!("it holds {:?}; give the .pub file that belongs to the key", armor.label)));
        }
        Ok(parse(&armor.bytes, name)?.into())
    }
}

/// Who checks signatures of this kind.
fn check(algorithm: Algorithm, scheme: Scheme) -> Option<&'static dyn VerificationAlgorithm> {
    use Algorithm::{EcdsaP256, EcdsaP384, Ed25519, Rsa};
    Some(match (algorithm, scheme) {
        (EcdsaP256, Scheme::Ecdsa(Hash::Sha256)) => &checks::ECDSA_P256_SHA256_ASN1,
        (EcdsaP256, Scheme::Ecdsa(Hash::Sha384)) => &checks::ECDSA_P256_SHA384_ASN1,
        (EcdsaP384, Scheme::Ecdsa(Hash::Sha256)) => &checks::ECDSA_P384_SHA256_ASN1,
        (EcdsaP384, Scheme::Ecdsa(Hash::Sha384)) => &checks::ECDSA_P384_SHA384_ASN1,
        (Ed25519, Scheme::Ed25519) => &checks::ED25519,
        (Rsa { .. }, Scheme::RsaPkcs1(Hash::Sha256)) => &checks::RSA_PKCS1_2048_8192_SHA256,
        (Rsa { .. }, Scheme::RsaPkcs1(Hash::Sha384)) => &checks::RSA_PKCS1_2048_8192_SHA384,
        (Rsa { .. }, Scheme::RsaPkcs1(Hash::Sha512)) => &checks::RSA_PKCS1_2048_8192_SHA512,
        (Rsa { .. }, Scheme::RsaPss(Hash::Sha256)) => &checks::RSA_PSS_2048_8192_SHA256,
        (Rsa { .. }, Scheme::RsaPss(Hash::Sha384)) => &checks::RSA_PSS_2048_8192_SHA384,
        (Rsa { .. }, Scheme::RsaPss(Hash::Sha512)) => &checks::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

/// The text from its first PEM label on: people put comments above (RFC 7468 section 2 lets them).
pub(crate) fn from_first_label(text: &str) -> Option<&str> {
    text.find("-----BEGIN ").map(|start| text[start..].trim_end())
}

impl From<Parsed> for PublicKey {
    fn from(Parsed { der, algorithm, bare }: Parsed) -> Self {
        Self { der, algorithm, bare }
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for PublicKey {}

impl std::hash::Hash for PublicKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.der.hash(state);
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PublicKey({})", self.fingerprint())
    }
}
