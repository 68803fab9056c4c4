//! Public keys as PKIX (RFC 5280 section 4.1) writes them: read with all checks, written in the one form.

use ed25519_dalek::VerifyingKey as Ed25519Key;
use pkcs8::der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, UintRef};
use pkcs8::der::{self, Decode, Encode};
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs8::{EncodePublicKey, SubjectPublicKeyInfoRef};

use crate::{Algorithm, KeyError};

/// A key that passed.
pub(crate) struct Parsed {
    pub(crate) der: Vec<u8>,
    pub(crate) algorithm: Algorithm,
    pub(crate) bare: Vec<u8>,
}

/// RSAPublicKey of RFC 8017 appendix A.1.1: modulus and exponent.
type RsaPublicKey<'a> = Vec<UintRef<'a>>;

/// Shorter ones can be broken (NIST SP 800-131A), longer ones cost the verifier seconds.
const RSA_BITS: std::ops::RangeInclusive<u32> = 2048..=8192;

// RFC 5480 section 2.1.1 and 2.1.1.1, RFC 8017 appendix A, RFC 8410 section 3.
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ED448: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.113");

/// Reads a SubjectPublicKeyInfo; `name` is what it is called in errors.
pub(crate) fn parse(der: &[u8], name: &str) -> Result<Parsed, KeyError> {
    let wrong = |error: der::Error| malformed(name, &error.to_string());
    let info = SubjectPublicKeyInfoRef::from_der(der).map_err(wrong)?;
    let bits = info.subject_public_key.as_bytes().ok_or_else(|| malformed(name, "its key is no whole bytes"))?;
    let curve = info.algorithm.parameters_oid().ok();
    match (info.algorithm.oid, curve) {
        (EC, Some(P256)) => of_point(Algorithm::EcdsaP256, bits, name),
        (EC, Some(P384)) => of_point(Algorithm::EcdsaP384, bits, name),
        (EC, Some(P521)) => Err(refused(name, "ECDSA on P-521")),
        (EC, Some(other)) => Err(refused(name, &format!("ECDSA on {other}"))),
        (EC, None) => Err(refused(name, "ECDSA on a curve of its own")),
        (ED25519, None) if info.algorithm.parameters.is_none() => of_point(Algorithm::Ed25519, bits, name),
        (RSA, None) => {
            let key = RsaPublicKey::from_der(bits).map_err(wrong)?;
            match key.as_slice() {
                [modulus, exponent] => of_rsa(modulus.as_bytes(), exponent.as_bytes(), name),
                _ => Err(malformed(name, "its RSA key is not two numbers")),
            }
        }
        (RSA_PSS, _) => Err(refused(name, "RSASSA-PSS alone (a plain RSA key verifies PSS too)")),
        (ED448, _) => Err(refused(name, "Ed448")),
        (other, _) => Err(refused(name, &other.to_string())),
    }
}

/// A key on a curve from its point, checked to be on it.
pub(crate) fn of_point(algorithm: Algorithm, point: &[u8], name: &str) -> Result<Parsed, KeyError> {
    let none = || malformed(name, &format!("its point is none of {algorithm}"));
    let (document, bare) = match algorithm {
        Algorithm::EcdsaP256 => {
            let key = p256::PublicKey::from_sec1_bytes(point).map_err(|_| none())?;
            (key.to_public_key_der(), key.to_sec1_bytes().into_vec())
        }
        Algorithm::EcdsaP384 => {
            let key = p384::PublicKey::from_sec1_bytes(point).map_err(|_| none())?;
            (key.to_public_key_der(), key.to_sec1_bytes().into_vec())
        }
        Algorithm::Ed25519 => {
            let key = Ed25519Key::try_from(point).map_err(|_| none())?;
            // Under a key of small order one signature fits many messages.
            if key.is_weak() {
                return Err(malformed(name, "it is a key of small order, under which anybody can sign"));
            }
            (key.to_public_key_der(), point.to_vec())
        }
        Algorithm::Rsa { .. } => return Err(none()),
    };
    let der = document.map_err(|error| malformed(name, &error.to_string()))?.into_vec();
    Ok(Parsed { der, algorithm, bare })
}

/// An RSA key from its numbers.
pub(crate) fn of_rsa(modulus: &[u8], exponent: &[u8], name: &str) -> Result<Parsed, KeyError> {
    let wrong = |error: der::Error| malformed(name, &error.to_string());
    let modulus = UintRef::new(modulus).map_err(wrong)?;
    let first = modulus.as_bytes().first().copied().unwrap_or_default();
    let bits = u32::try_from(modulus.as_bytes().len())
        .unwrap_or(u32::MAX)
        .saturating_mul(8)
        .saturating_sub(first.leading_zeros());
    if !RSA_BITS.contains(&bits) {
        return Err(refused(name, &format!("RSA with {bits} bits")));
    }
    let exponent = UintRef::new(exponent).map_err(wrong)?;
    let odd = |number: UintRef<'_>| number.as_bytes().last().is_some_and(|byte| byte & 1 == 1);
    // With 1 for its exponent everything is its own signature. More than 33 bits nobody uses, and ring takes none.
    if !odd(modulus) || !odd(exponent) || exponent.as_bytes() == [1] || exponent.as_bytes().len() > 4 {
        return Err(malformed(name, "its modulus or exponent is no RSA key's"));
    }
    let key: RsaPublicKey<'_> = vec![modulus, exponent];
    let bare = key.to_der().map_err(wrong)?;
    let info = SubjectPublicKeyInfoRef {
        algorithm: AlgorithmIdentifierRef { oid: RSA, parameters: Some(AnyRef::NULL) },
        subject_public_key: BitStringRef::from_bytes(&bare).map_err(wrong)?,
    };
    let der = info.to_der().map_err(wrong)?;
    Ok(Parsed { der, algorithm: Algorithm::Rsa { bits }, bare })
}

fn malformed(name: &str, reason: &str) -> KeyError {
    KeyError::Malformed { name: name.to_owned(), wanted: "PKIX key", reason: reason.to_owned() }
}

fn refused(name: &str, algorithm: &str) -> KeyError {
    KeyError::Algorithm { name: name.to_owned(), algorithm: algorithm.to_owned() }
}
