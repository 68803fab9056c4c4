//! The management key (9B): what must be proved before keys and objects are changed.

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256};
use des::TdesEde3;

use crate::apdu::Status;
use crate::firmware::Firmware;
use crate::policy::TouchPolicy;

/// The key from the factory: its 24 bytes are 3DES before firmware 5.7 and AES-192 since.
const FACTORY: [u8; 24] = [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8];

/// Algorithm, value and touch policy of the management key.
#[derive(Debug, Clone)]
pub(crate) struct ManagementKey {
    cipher: Cipher,
    value: Vec<u8>,
    pub(crate) touch: TouchPolicy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cipher {
    TripleDes = 0x03,
    Aes128 = 0x08,
    Aes192 = 0x0a,
    Aes256 = 0x0c,
}

impl ManagementKey {
    pub(crate) fn factory(firmware: Firmware) -> Self {
        let cipher = if firmware.has_new_algorithms() { Cipher::Aes192 } else { Cipher::TripleDes };
        Self { cipher, value: FACTORY.to_vec(), touch: TouchPolicy::Never }
    }

    /// A new one by its algorithm (SET MANAGEMENT KEY).
    pub(crate) fn new(algorithm: u8, value: &[u8], touch: TouchPolicy, has: Firmware) -> Result<Self, Status> {
        let cipher = match algorithm {
            0x03 => Cipher::TripleDes,
            0x08 if has.has_aes_management_key() => Cipher::Aes128,
            0x0a if has.has_aes_management_key() => Cipher::Aes192,
            0x0c if has.has_aes_management_key() => Cipher::Aes256,
            _ => return Err(Status::WRONG_DATA),
        };
        if value.len() != cipher.key_length() {
            return Err(Status::WRONG_DATA);
        }
        Ok(Self { cipher, value: value.to_vec(), touch })
    }

    pub(crate) fn algorithm(&self) -> u8 {
        self.cipher as u8
    }

    /// Whether a command's P1 means this key's algorithm. 00 is 3DES too (SP 800-78-4 table 6-2).
    pub(crate) fn is_of(&self, algorithm: u8) -> bool {
        algorithm == self.algorithm() || (algorithm == 0 && self.cipher == Cipher::TripleDes)
    }

    pub(crate) fn is_default(&self) -> bool {
        self.value == FACTORY
    }

    /// Bytes of a challenge.
    pub(crate) fn block(&self) -> usize {
        if self.cipher == Cipher::TripleDes { 8 } else { 16 }
    }

    /// One block in ECB, which is what the authentication is made of.
    pub(crate) fn encrypt(&self, block: &[u8]) -> Result<Vec<u8>, Status> {
        let mut bytes = block.to_vec();
        match self.cipher {
            Cipher::TripleDes => encrypt::<TdesEde3>(&self.value, &mut bytes),
            Cipher::Aes128 => encrypt::<Aes128>(&self.value, &mut bytes),
            Cipher::Aes192 => encrypt::<Aes192>(&self.value, &mut bytes),
            Cipher::Aes256 => encrypt::<Aes256>(&self.value, &mut bytes),
        }
        .map(|()| bytes)
    }
}

impl Cipher {
    fn key_length(self) -> usize {
        match self {
            Self::TripleDes | Self::Aes192 => 24,
            Self::Aes128 => 16,
            Self::Aes256 => 32,
        }
    }
}

fn encrypt<C: KeyInit + BlockCipherEncrypt>(key: &[u8], block: &mut [u8]) -> Result<(), Status> {
    let cipher = C::new_from_slice(key).map_err(|_| Status::WRONG_DATA)?;
    cipher.encrypt_block(block.try_into().map_err(|_| Status::WRONG_DATA)?);
    Ok(())
}
