//! What can sign.
//!
//! A [`Signer`] makes signatures over batches of messages; where its secret is ([`Custody`]) is its own business. A key
//! is named by one URI everywhere ([`KeyUri`]), its public half is a [`PublicKey`], and whoever owns it is a [`Person`],
//! who is shown what will be signed and asked for passphrase, PIN and touch.
//!
//! 1. [`KeyFile::read`] reads an encrypted key as the calling user and parses nothing of it but its PEM label.
//! 2. [`KeyFile::unlock`] turns it into a [`FileSigner`] with the passphrase.
//! 3. [`Signer::sign`] signs.
//!
//! Followed: PKCS#8 (RFC 5958) with PBES2 (RFC 8018), scrypt (RFC 7914) and AES-256-CBC, so that `openssl pkey` reads
//! what is written here; PKIX public keys (RFC 5280) for ECDSA on P-256 and P-384 (RFC 5480), Ed25519 (RFC 8410) and RSA
//! (RFC 8017, to verify what others signed); other algorithms are refused by name. Secrets are wiped when dropped and have no `Debug`.

pub mod agent;
pub mod algorithm;
mod armor;
pub mod attestation;
pub mod author;
pub mod certificate;
mod cost;
pub mod custody;
mod disk;
mod encrypted;
pub mod error;
pub mod file;
pub mod folder;
pub mod import;
pub mod open;
pub mod passphrase;
pub mod pem;
pub mod person;
pub mod pin;
pub mod piv;
pub mod pkcs11;
pub mod private;
pub mod public;
mod secret;
pub mod signature;
pub mod signer;
mod spki;
pub mod surroundings;
pub mod uri;

pub use algorithm::{Algorithm, Hash, Scheme};
pub use attestation::{Attestation, AttestationError, Attested};
pub use author::{Author, Draft, ImageRequest, SignedArtifact};
pub use custody::{CardKey, Custody, Firmware, PinPolicy, TouchPolicy};
pub use error::{KeyError, Unasked};
pub use file::{FileSigner, KeyFile};
pub use import::ForeignKey;
pub use open::{NamedKey, open};
pub use passphrase::Passphrase;
pub use person::{Intent, Nobody, PASSPHRASE_BEFOREHAND, Person, PinAsk, PinKind, TouchMoment, typed};
pub use pin::Pin;
pub use private::PrivateKey;
pub use public::PublicKey;
pub use signature::Signature;
pub use signer::{Message, Signer};
pub use surroundings::{Supplied, Surroundings};
pub use uri::{KeyUri, PivUri, TokenUri};
