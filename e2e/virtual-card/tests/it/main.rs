//! The virtual card: by itself, and before real programs that take it for a YubiKey.

#![allow(clippy::expect_used, clippy::unwrap_used)] // A test that cannot go on has failed.

mod attestation;
mod client;
mod hostile;
mod keys;
mod management;
mod objects;
mod pins;
mod pkcs11;
mod program;
mod pulled_out;
mod tool;
mod touch;
mod versions;
mod yubikey_crate;
