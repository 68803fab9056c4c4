//! What can sign.
//!
//! A [`Signer`] makes ECDSA signatures over messages; where its secret is (an encrypted file today) is its own
//! business. A key is named by one URI everywhere ([`KeyUri`], `file:…`), its public half is a [`PublicKey`], and what
//! unlocks it is a [`Passphrase`].
//!
//! 1. [`KeyFile::read`] reads an encrypted key as the calling user and parses nothing of it but its PEM label.
//! 2. [`KeyFile::unlock`] turns it into a [`FileSigner`] with the passphrase.
//! 3. [`Signer::sign`] signs.
//!
//! Followed: PKCS#8 (RFC 5958) with PBES2 (RFC 8018), scrypt (RFC 7914) and AES-256-CBC, so that `openssl pkey` reads
//! what is written here; PKIX public keys (RFC 5480); ECDSA on P-256 with SHA-256 as ASN.1 DER. Other curves, RSA and
//! Ed25519 are refused by name. Secrets are wiped when dropped and have no `Debug`.

pub mod error;
pub mod file;
pub mod folder;
pub mod passphrase;
pub mod public;
pub mod signer;
pub mod uri;

pub use error::KeyError;
pub use file::{FileSigner, KeyFile};
pub use passphrase::Passphrase;
pub use public::PublicKey;
pub use signer::Signer;
pub use uri::KeyUri;
