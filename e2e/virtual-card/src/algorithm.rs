//! Algorithms of keys by the numbers of SP 800-78-4 table 6-2, and Yubico's beyond it.

use crate::apdu::Status;
use crate::firmware::Firmware;

/// What a key is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rsa1024 = 0x06,
    Rsa2048 = 0x07,
    Rsa3072 = 0x05,
    Rsa4096 = 0x16,
    P256 = 0x11,
    P384 = 0x14,
    Ed25519 = 0xe0,
    X25519 = 0xe1,
}

impl Algorithm {
    pub(crate) fn read(byte: u8, has: Firmware) -> Result<Self, Status> {
        let new = has.has_new_algorithms();
        match byte {
            0x06 => Ok(Self::Rsa1024),
            0x07 => Ok(Self::Rsa2048),
            0x11 => Ok(Self::P256),
            0x14 => Ok(Self::P384),
            0x05 if new => Ok(Self::Rsa3072),
            0x16 if new => Ok(Self::Rsa4096),
            0xe0 if new => Ok(Self::Ed25519),
            0xe1 if new => Ok(Self::X25519),
            _ => Err(Status::WRONG_DATA),
        }
    }

    /// Bits of an RSA modulus.
    pub(crate) fn rsa_bits(self) -> Option<usize> {
        match self {
            Self::Rsa1024 => Some(1024),
            Self::Rsa2048 => Some(2048),
            Self::Rsa3072 => Some(3072),
            Self::Rsa4096 => Some(4096),
            _ => None,
        }
    }
}
