//! A key's attestation, as it lies beside what the key signed: a referrer of its own.
//!
//! Its one layer is PEM: the certificate of the key, then those above it, without the root. It is not signed, and need
//! not be: its certificates are, and the key in the first one must be the signer's.

use std::collections::BTreeMap;

use keys::{Attestation, PublicKey, SignedArtifact, pem};

/// What it is called, as an artifact and as a layer.
pub const MEDIA_TYPE: &str = "application/vnd.dev.plimsoll.attestation.v1+pem";
/// The word for it among the formats of what an author writes.
pub const FORMAT: &str = "attestation";
/// The annotation that says whose it is, for people: the fingerprint of the key.
pub const KEY: &str = "dev.plimsoll.key";

/// Most bytes that are read. A YubiKey's two certificates have some 1,500.
pub const LIMIT: u64 = 64 << 10;
/// Most certificates above the key's.
const INTERMEDIATES: usize = 8;

/// Whether an attestation is for this key.
pub(crate) fn check_key(attestation: &Attestation, key: &PublicKey) -> Result<(), String> {
    let attested = key_of(attestation)?;
    if attested == *key {
        return Ok(());
    }
    Err(format!("the attestation is for the key {}, not for {}", attested.fingerprint(), key.fingerprint()))
}

fn key_of(attestation: &Attestation) -> Result<PublicKey, String> {
    keys::certificate::key_of(&attestation.leaf).map_err(|error| format!("cannot be read: {error}"))
}

/// What is stored. It says nothing of when, so that a key's attestation is stored once an image.
pub(crate) fn artifact(attestation: &Attestation, key: &PublicKey) -> Result<SignedArtifact, String> {
    Ok(SignedArtifact {
        format: FORMAT.to_owned(),
        bytes: to_pem(attestation)?.into_bytes(),
        annotations: BTreeMap::from([(KEY.to_owned(), key.fingerprint())]),
    })
}

fn to_pem(attestation: &Attestation) -> Result<String, String> {
    std::iter::once(&attestation.leaf)
        .chain(&attestation.intermediates)
        .map(|der| crate::certified::to_pem(der))
        .collect()
}

/// Reads what is stored, and tells whose it is. Nothing in it is proved by that.
pub fn parse(bytes: &[u8]) -> Result<(PublicKey, Attestation), String> {
    if bytes.len() as u64 > LIMIT {
        return Err(format!("is larger than {LIMIT} bytes"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "is no text".to_owned())?;
    let mut certificates = pem::certificates(text).map_err(|error| error.to_string())?.into_iter();
    let leaf = certificates.next().ok_or("is empty")?;
    let attestation = Attestation { leaf, intermediates: certificates.collect() };
    if attestation.intermediates.len() > INTERMEDIATES {
        return Err(format!("has more than {INTERMEDIATES} certificates above the key's"));
    }
    Ok((key_of(&attestation)?, attestation))
}
