//! Keys on PIV cards: YubiKeys of the firmware 4.2 to 5.7, and other cards as far as the standard goes.
//!
//! 1. [`PcscReaders`] knows the readers of this machine; a [`Device`] is a card in one of them.
//! 2. A thread of its own holds the card ([`hold`](self)) from its unlocking to its reset, in one exclusive
//!    transaction; commands go in short APDUs ([`apdu`]), answers are BER-TLV ([`tlv`]).
//! 3. [`PivSigner`] signs a batch in one such hold: one PIN, one touch where the key's policy has it.
//! 4. [`Device::generate`], [`Device::import`], [`Device::delete`] change what is in the slots, [`Device::protect`] and
//!    its kin the secrets.
//!
//! Followed: SP 800-73-4, SP 800-78-4, and Yubico's instructions beyond (version, serial number, metadata, attestation,
//! import, moving, policies, management keys for AES). Left out: secure messaging, biometrics, decryption, RSA for
//! signing, resetting the application.

pub mod apdu;
mod card;
mod contents;
mod device;
mod error;
mod firmware;
mod hold;
mod holders;
mod management;
pub mod metadata;
mod pcsc;
mod pin;
mod provision;
pub mod reader;
mod secrets;
mod signer;
pub mod slot;
pub mod status;
pub mod tlv;
mod touch;

/// The readers of this machine.
pub fn system() -> std::sync::Arc<dyn reader::Readers> {
    std::sync::Arc::new(PcscReaders)
}

pub use contents::SlotKey;
pub use device::{Contents, Device, Listed};
pub use error::CardError;
pub use firmware::Ability;
pub use management::{Cipher, ManagementKey};
pub use pcsc::PcscReaders;
pub use provision::{Deleted, NewKey, Provisioned};
pub use secrets::Protected;
pub use signer::PivSigner;
