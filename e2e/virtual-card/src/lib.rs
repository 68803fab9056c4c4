//! A virtual YubiKey, for tests and demonstrations. It protects nothing: its secrets lie in the memory of the test.
//!
//! The path of a command:
//! 1. [`Card::transmit`] takes an APDU and puts chained parts together; tests of an APDU layer need no more than this.
//! 2. The PIV application answers as the [`Firmware`] of the card does, with what that one has and lacks.
//! 3. Where a key wants a touch the card waits for its [`Finger`], which the test moves.
//! 4. [`reader`] puts a card into a slot of the virtual reader of `vsmartcard-vpcd`, and [`pcscd`] runs a daemon of its
//!    own over it, so that real programs (`yubico-piv-tool`, `ykcs11`, Plimsoll) find a YubiKey.
//!
//! Attestations chain to [the test roots](vendor), whose private keys everybody has.
//!
//! Followed: SP 800-73-4 part 2, SP 800-78-4, ISO 7816-4, and Yubico's instructions as `yubico-piv-tool`,
//! `yubikey-manager` and Yubico's manuals use and describe them. Where what real hardware does was not seen, the code
//! says so.
//!
//! Who took it for a YubiKey: in the tests `yubico-piv-tool` (2.2 of Debian 12, 2.7 of Debian 13), `ykcs11` and the
//! crate `yubikey`. By hand, in November 2026, with firmwares 4.3, 5.4 and 5.7.4: `ykman` (information, keys,
//! certificates, attestation, moving, PINs, reset, management key), and the tests that piv-go 2.6 runs against real
//! devices, but for three: one wants Yubico's own root, one an RSA key of 512 bits, which Go does not make any more, and
//! one X25519 on firmwares that have it not.
//!
//! Left out: secure messaging, biometrics, PIN complexity and FIPS, weak DES keys, the other applications of a
//! YubiKey beyond their serial numbers.

mod algorithm;
mod apdu;
mod applications;
mod card;
mod certificate;
mod der;
mod finger;
mod firmware;
mod key;
mod management_key;
mod pin;
mod piv;
mod policy;
mod rsa_key;
mod sensor;
mod slot;
mod tlv;

pub mod pcscd;
pub mod reader;
pub mod vendor;

pub use card::Card;
pub use finger::Finger;
pub use firmware::Firmware;
