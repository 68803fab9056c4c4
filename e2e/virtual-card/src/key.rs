//! A private key in a slot: made or imported, and what it can do.

use ed25519_dalek::Signer;
use p256::elliptic_curve::Generate;
use p256::elliptic_curve::sec1::ToSec1Point;
use rsa::signature::hazmat::PrehashSigner;

use crate::algorithm::Algorithm;
use crate::apdu::Status;
use crate::der;
use crate::rsa_key::RsaKey;
use crate::tlv;

/// The secret.
#[derive(Clone)]
pub(crate) enum PrivateKey {
    P256(p256::SecretKey),
    P384(p384::SecretKey),
    Ed25519(ed25519_dalek::SigningKey),
    X25519(x25519_dalek::StaticSecret),
    Rsa(Algorithm, RsaKey),
}

impl PrivateKey {
    pub(crate) fn generate(algorithm: Algorithm) -> Result<Self, Status> {
        Ok(match algorithm {
            Algorithm::P256 => Self::P256(p256::SecretKey::generate()),
            Algorithm::P384 => Self::P384(p384::SecretKey::generate()),
            Algorithm::Ed25519 => Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(&random())),
            Algorithm::X25519 => Self::X25519(x25519_dalek::StaticSecret::from(random::<32>())),
            Algorithm::Rsa1024 | Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => {
                Self::Rsa(algorithm, RsaKey::generate(algorithm.rsa_bits().unwrap_or_default())?)
            }
        })
    }

    /// From the elements of IMPORT: 01 to 05 for RSA's parts, 06 for a curve of NIST, 07 Ed25519, 08 X25519.
    pub(crate) fn import(algorithm: Algorithm, fields: &[(u8, &[u8])]) -> Result<Self, Status> {
        let field = |tag| tlv::find(fields, tag).ok_or(Status::WRONG_DATA);
        let bytes = |tag| <[u8; 32]>::try_from(field(tag)?).map_err(|_| Status::WRONG_DATA);
        Ok(match algorithm {
            Algorithm::P256 => Self::P256(scalar(field(6)?, 32, p256::SecretKey::from_slice)?),
            Algorithm::P384 => Self::P384(scalar(field(6)?, 48, p384::SecretKey::from_slice)?),
            Algorithm::Ed25519 => Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(&bytes(7)?)),
            Algorithm::X25519 => Self::X25519(x25519_dalek::StaticSecret::from(bytes(8)?)),
            Algorithm::Rsa1024 | Algorithm::Rsa2048 | Algorithm::Rsa3072 | Algorithm::Rsa4096 => {
                let key = RsaKey::from_primes(field(1)?, field(2)?)?;
                if Some(key.length() * 8) != algorithm.rsa_bits() {
                    return Err(Status::WRONG_DATA);
                }
                Self::Rsa(algorithm, key)
            }
        })
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        match self {
            Self::P256(_) => Algorithm::P256,
            Self::P384(_) => Algorithm::P384,
            Self::Ed25519(_) => Algorithm::Ed25519,
            Self::X25519(_) => Algorithm::X25519,
            Self::Rsa(algorithm, _) => *algorithm,
        }
    }

    /// As GENERATE and metadata give it: 86 with a point, or 81 and 82 with modulus and exponent.
    pub(crate) fn public(&self) -> Vec<u8> {
        match self {
            Self::Rsa(_, key) => {
                let mut bytes = tlv::element(&[0x81], &key.modulus());
                tlv::put(&mut bytes, &[0x82], &key.exponent());
                bytes
            }
            _ => tlv::element(&[0x86], &self.point()),
        }
    }

    /// `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7, RFC 5480, RFC 8410).
    pub(crate) fn public_info(&self) -> Vec<u8> {
        const EC: &[u64] = &[1, 2, 840, 10045, 2, 1];
        let (identifier, key) = match self {
            Self::P256(_) => ([der::oid(EC), der::oid(&[1, 2, 840, 10045, 3, 1, 7])].concat(), self.point()),
            Self::P384(_) => ([der::oid(EC), der::oid(&[1, 3, 132, 0, 34])].concat(), self.point()),
            Self::Ed25519(_) => (der::oid(&[1, 3, 101, 112]), self.point()),
            Self::X25519(_) => (der::oid(&[1, 3, 101, 110]), self.point()),
            Self::Rsa(_, key) => {
                let public = [der::unsigned(&key.modulus()), der::unsigned(&key.exponent())].concat();
                ([der::oid(&[1, 2, 840, 113_549, 1, 1, 1]), der::null()].concat(), der::sequence(&public))
            }
        };
        der::sequence(&[der::sequence(&identifier), der::bit_string(&key)].concat())
    }

    fn point(&self) -> Vec<u8> {
        match self {
            Self::P256(key) => key.public_key().to_sec1_point(false).as_bytes().to_vec(),
            Self::P384(key) => key.public_key().to_sec1_point(false).as_bytes().to_vec(),
            Self::Ed25519(key) => key.verifying_key().to_bytes().to_vec(),
            Self::X25519(key) => x25519_dalek::PublicKey::from(key).to_bytes().to_vec(),
            Self::Rsa(..) => Vec::new(),
        }
    }

    /// What GENERAL AUTHENTICATE makes of a challenge (81): ECDSA over a digest that the other side made, Ed25519 over
    /// the message itself, RSA's bare operation over a block that the other side padded.
    pub(crate) fn sign(&self, data: &[u8]) -> Result<Vec<u8>, Status> {
        match self {
            Self::P256(key) => {
                let digest = padded::<32>(data)?;
                let signature: p256::ecdsa::DerSignature =
                    p256::ecdsa::SigningKey::from(key).sign_prehash(&digest).map_err(|_| Status::WRONG_DATA)?;
                Ok(signature.as_bytes().to_vec())
            }
            Self::P384(key) => {
                let digest = padded::<48>(data)?;
                let signature: p384::ecdsa::DerSignature =
                    p384::ecdsa::SigningKey::from(key).sign_prehash(&digest).map_err(|_| Status::WRONG_DATA)?;
                Ok(signature.as_bytes().to_vec())
            }
            Self::Ed25519(key) => Ok(key.sign(data).to_bytes().to_vec()),
            Self::X25519(_) => Err(Status::WRONG_DATA),
            Self::Rsa(_, key) => key.operate(data),
        }
    }

    /// What it makes of another's public key (85): the shared secret.
    pub(crate) fn agree(&self, point: &[u8]) -> Result<Vec<u8>, Status> {
        match self {
            Self::P256(key) => {
                let other = p256::PublicKey::from_sec1_bytes(point).map_err(|_| Status::WRONG_DATA)?;
                let shared = p256::elliptic_curve::ecdh::diffie_hellman(key.to_nonzero_scalar(), other.as_affine());
                Ok(shared.raw_secret_bytes().to_vec())
            }
            Self::P384(key) => {
                let other = p384::PublicKey::from_sec1_bytes(point).map_err(|_| Status::WRONG_DATA)?;
                let shared = p384::elliptic_curve::ecdh::diffie_hellman(key.to_nonzero_scalar(), other.as_affine());
                Ok(shared.raw_secret_bytes().to_vec())
            }
            Self::X25519(key) => {
                let other = <[u8; 32]>::try_from(point).map_err(|_| Status::WRONG_DATA)?;
                Ok(key.diffie_hellman(&x25519_dalek::PublicKey::from(other)).to_bytes().to_vec())
            }
            Self::Ed25519(_) | Self::Rsa(..) => Err(Status::WRONG_DATA),
        }
    }
}

/// A secret in exactly the width of the curve.
fn scalar<K, E>(bytes: &[u8], width: usize, read: impl FnOnce(&[u8]) -> Result<K, E>) -> Result<K, Status> {
    if bytes.len() == width { read(bytes).map_err(|_| Status::WRONG_DATA) } else { Err(Status::WRONG_DATA) }
}

/// A digest in the width of the curve: a shorter one is filled up on the left, a longer one refused.
fn padded<const WIDTH: usize>(digest: &[u8]) -> Result<[u8; WIDTH], Status> {
    let mut bytes = [0; WIDTH];
    let start = WIDTH.checked_sub(digest.len()).filter(|_| !digest.is_empty()).ok_or(Status::WRONG_DATA)?;
    bytes[start..].copy_from_slice(digest);
    Ok(bytes)
}

/// Bytes from the system.
pub(crate) fn random<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    // A system without randomness is no place for tests of signatures.
    assert!(getrandom::fill(&mut bytes).is_ok(), "the system gives no random bytes");
    bytes
}
