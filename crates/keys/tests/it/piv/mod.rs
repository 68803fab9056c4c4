//! Keys on cards, over the virtual YubiKey: in memory, and through the real PC/SC daemon.

mod attestation;
mod desk;
mod firmware;
mod hostile;
mod judges;
mod pcsc;
mod provision;
mod secrets;
mod signing;
mod touch;
mod ykcs11;
