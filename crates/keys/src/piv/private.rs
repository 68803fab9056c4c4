//! A private key on its way onto a card.

use ed25519_dalek::SigningKey as Ed25519Key;
use pkcs8::DecodePrivateKey as _;
use zeroize::Zeroizing;

use crate::{Algorithm, KeyError, PublicKey};

/// The secret number of a key, as cards take it.
pub(crate) struct PrivateKey {
    pub(crate) secret: Zeroizing<Vec<u8>>,
    pub(crate) public: PublicKey,
}

impl PrivateKey {
    /// Reads PKCS#8.
    pub(crate) fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        if let Ok(key) = p256::SecretKey::from_pkcs8_der(der) {
            let public = PublicKey::from_point(Algorithm::EcdsaP256, &key.public_key().to_sec1_bytes())?;
            return Ok(Self { secret: Zeroizing::new(key.to_bytes().to_vec()), public });
        }
        if let Ok(key) = p384::SecretKey::from_pkcs8_der(der) {
            let public = PublicKey::from_point(Algorithm::EcdsaP384, &key.public_key().to_sec1_bytes())?;
            return Ok(Self { secret: Zeroizing::new(key.to_bytes().to_vec()), public });
        }
        if let Ok(key) = Ed25519Key::from_pkcs8_der(der) {
            let public = PublicKey::from_point(Algorithm::Ed25519, key.verifying_key().as_bytes())?;
            return Ok(Self { secret: Zeroizing::new(key.to_bytes().to_vec()), public });
        }
        Err(KeyError::Malformed {
            name: "the private key".to_owned(),
            wanted: "PKCS#8 key that a card can hold",
            reason: "it is neither for ECDSA on P-256 or P-384 nor for Ed25519".to_owned(),
        })
    }

    /// The field in which a card takes it: a number on a curve, or Ed25519's seed.
    pub(crate) fn tag(&self) -> u32 {
        if self.public.algorithm() == Algorithm::Ed25519 { 0x07 } else { 0x06 }
    }
}
