//! RSA as a card does it: the bare operation on one block; padding is the other side's business.

use std::sync::Arc;

use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, RsaPrivateKey, hazmat};

use crate::apdu::Status;

/// The only exponent that cards take.
const EXPONENT: u64 = 65537;

/// An RSA key of two primes.
#[derive(Clone)]
pub(crate) struct RsaKey(Arc<RsaPrivateKey>);

impl RsaKey {
    pub(crate) fn generate(bits: usize) -> Result<Self, Status> {
        // Weak sizes too: cards still make RSA 1024.
        let key = RsaPrivateKey::new_unchecked(&mut rsa::rand_core::UnwrapErr(getrandom::SysRng), bits);
        key.map(|key| Self(Arc::new(key))).map_err(|_| Status::WRONG_DATA)
    }

    pub(crate) fn from_primes(p: &[u8], q: &[u8]) -> Result<Self, Status> {
        let prime = |bytes: &[u8]| {
            // Odd and of full width; whether real cards ask more was not seen.
            if !matches!(bytes, [0x80..=0xff, .., last] if last % 2 == 1) {
                return Err(Status::WRONG_DATA);
            }
            let bits = u32::try_from(bytes.len() * 8).ok().filter(|bits| (512..=2048).contains(bits));
            BoxedUint::from_be_slice(bytes, bits.ok_or(Status::WRONG_DATA)?).map_err(|_| Status::WRONG_DATA)
        };
        let key = RsaPrivateKey::from_p_q(prime(p)?, prime(q)?, BoxedUint::from(EXPONENT));
        key.map(|key| Self(Arc::new(key))).map_err(|_| Status::WRONG_DATA)
    }

    /// Bytes of the modulus.
    pub(crate) fn length(&self) -> usize {
        self.0.size()
    }

    pub(crate) fn modulus(&self) -> Vec<u8> {
        self.0.n_bytes().to_vec()
    }

    pub(crate) fn exponent(&self) -> Vec<u8> {
        self.0.e_bytes().to_vec()
    }

    /// The block to the private exponent.
    pub(crate) fn operate(&self, block: &[u8]) -> Result<Vec<u8>, Status> {
        if block.len() != self.length() {
            return Err(Status::WRONG_DATA);
        }
        let value = BoxedUint::from_be_slice(block, self.0.n_bits_precision()).map_err(|_| Status::WRONG_DATA)?;
        let result = hazmat::rsa_decrypt_and_check(&*self.0, Some(&mut getrandom::SysRng), &value);
        let bytes = result.map_err(|_| Status::WRONG_DATA)?.to_be_bytes();
        Ok(bytes[bytes.len() - self.length()..].to_vec())
    }

    /// PKCS#1 v1.5 over a SHA-256 digest (RFC 8017 §8.2.1), as the attestation key signs.
    pub(crate) fn sign_sha256(&self, digest: [u8; 32]) -> Result<Vec<u8>, Status> {
        const PREFIX: [u8; 19] = [0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];
        let filling = self.length() - 3 - PREFIX.len() - digest.len();
        let block = [&[0, 1][..], &vec![0xff; filling], &[0], &PREFIX, &digest].concat();
        self.operate(&block)
    }
}
