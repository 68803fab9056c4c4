//! A signature as a key made it.

use crate::Algorithm;

/// A signature. For ECDSA the bytes are ASN.1 DER (RFC 3279 section 2.2.3), which cosign, DSSE and cards use; JWS and
/// TUF want [`Signature::fixed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    algorithm: Algorithm,
    bytes: Vec<u8>,
}

impl Signature {
    /// A signature in the form in which the algorithm writes it: DER for ECDSA, 64 bytes for Ed25519.
    pub fn new(algorithm: Algorithm, bytes: Vec<u8>) -> Self {
        Self { algorithm, bytes }
    }

    /// A signature from r and s, each as wide as the curve, one after the other, as PKCS#11 tokens and JWS give them;
    /// for other algorithms from the bytes as they are. `None` where these are none.
    pub fn from_fixed(algorithm: Algorithm, bytes: &[u8]) -> Option<Self> {
        let bytes = match algorithm {
            Algorithm::EcdsaP256 => p256::ecdsa::Signature::from_slice(bytes).ok()?.to_der().as_bytes().to_vec(),
            Algorithm::EcdsaP384 => p384::ecdsa::Signature::from_slice(bytes).ok()?.to_der().as_bytes().to_vec(),
            Algorithm::Ed25519 | Algorithm::Rsa { .. } => bytes.to_vec(),
        };
        Some(Self { algorithm, bytes })
    }

    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The bytes, ECDSA's as DER.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, ECDSA's as DER.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// ECDSA's r and s, each as wide as the curve, one after the other (RFC 7518 section 3.4); other algorithms'
    /// bytes as they are. `None` where the DER is none.
    pub fn fixed(&self) -> Option<Vec<u8>> {
        match self.algorithm {
            Algorithm::EcdsaP256 => {
                let signature = p256::ecdsa::Signature::from_der(&self.bytes).ok()?;
                Some(signature.to_bytes().to_vec())
            }
            Algorithm::EcdsaP384 => {
                let signature = p384::ecdsa::Signature::from_der(&self.bytes).ok()?;
                Some(signature.to_bytes().to_vec())
            }
            Algorithm::Ed25519 | Algorithm::Rsa { .. } => Some(self.bytes.clone()),
        }
    }
}
