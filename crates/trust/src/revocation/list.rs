//! The list.

use std::fmt;

use image::Digest;
use keys::PublicKey;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{LIMIT, PAYLOAD_TYPE};
use crate::Envelope;
use crate::error::short;

/// Entries of one list, at most.
const ENTRIES: usize = 20_000;
/// A reason is a sentence.
const REASON: usize = 512;

/// What is no longer trusted, at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationList {
    /// Its version; each list is one above the one before.
    pub version: u64,
    /// When it was signed.
    #[serde(with = "time::serde::rfc3339")]
    pub issued: OffsetDateTime,
    /// Until when it may be believed.
    #[serde(with = "time::serde::rfc3339")]
    pub expires: OffsetDateTime,
    /// What was revoked.
    pub entries: Vec<Entry>,
}

/// One thing that is no longer trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What.
    #[serde(flatten)]
    pub target: Target,
    /// Why, in words.
    pub reason: String,
    /// When it was put on the list.
    #[serde(with = "time::serde::rfc3339")]
    pub since: OffsetDateTime,
}

/// What can be revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// A key, by its fingerprint: SHA-256 over its DER in hex. All that it signed no longer counts, whenever that was:
    /// when a signature was made is the signer's own word.
    Key(String),
    /// An image, by the digest of its manifest or index, whoever signed it.
    Image(Digest),
}

impl RevocationList {
    /// A list that says nothing yet; the first one that is signed has version 1.
    pub fn empty(now: OffsetDateTime) -> Self {
        Self { version: 0, issued: now, expires: now, entries: Vec::new() }
    }

    /// The bytes to sign.
    pub fn to_json(&self) -> Vec<u8> {
        // Texts, numbers and times: there is nothing in it that could fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads a list out of its envelope, where one of `keys` signed it; also gives that key. Nothing of it is looked at
    /// before.
    pub fn open<'a>(bytes: &[u8], keys: &'a [PublicKey]) -> Result<(Self, &'a PublicKey), String> {
        if bytes.len() as u64 > LIMIT {
            return Err(format!("it is larger than {LIMIT} bytes"));
        }
        let envelope: Envelope =
            serde_json::from_slice(bytes).map_err(|error| format!("it is malformed: {}", short(error)))?;
        let key = envelope.signer(keys).ok_or("it is not signed by a key that the policy names for that")?;
        if envelope.payload_type != PAYLOAD_TYPE {
            return Err(format!("what is signed is {:?} and no list", short(&envelope.payload_type)));
        }
        Ok((Self::parse(&envelope.payload.0)?, key))
    }

    /// Reads what was signed.
    pub fn parse(payload: &[u8]) -> Result<Self, String> {
        let mut list: Self =
            serde_json::from_slice(payload).map_err(|error| format!("it is malformed: {}", short(error)))?;
        if list.version == 0 || list.expires <= list.issued || list.entries.len() > ENTRIES {
            return Err("its version, times or number of entries make no sense".into());
        }
        for Entry { target, reason, .. } in &mut list.entries {
            if let Target::Key(fingerprint) = target
                && !is_fingerprint(fingerprint)
            {
                return Err(format!("it revokes {:?}, which is no fingerprint of a key", short(fingerprint)));
            }
            if reason.len() > REASON {
                *reason = short(&reason);
            }
        }
        Ok(list)
    }

    /// What this one and another of the same version revoke, for as long as both are valid.
    pub(super) fn joined(mut self, other: Self) -> Self {
        self.issued = self.issued.min(other.issued);
        self.expires = self.expires.min(other.expires);
        for entry in other.entries {
            if !self.revokes(&entry.target) {
                self.entries.push(entry);
            }
        }
        self
    }

    /// Whether something is on it.
    pub fn revokes(&self, target: &Target) -> bool {
        self.entries.iter().any(|entry| entry.target == *target)
    }

    /// Whether it may still be believed.
    pub fn is_fresh(&self, now: OffsetDateTime) -> bool {
        now <= self.expires
    }
}

impl Target {
    /// A key.
    pub fn key(key: &PublicKey) -> Self {
        Self::Key(key.fingerprint())
    }
}

/// Whether a text is a fingerprint of a key: 64 digits of lower-case hex.
pub fn is_fingerprint(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl std::str::FromStr for Target {
    type Err = String;

    /// A fingerprint or a digest.
    fn from_str(text: &str) -> Result<Self, String> {
        if is_fingerprint(text) {
            return Ok(Self::Key(text.to_owned()));
        }
        let digest =
            text.parse().map_err(|_| format!("{:?} is neither a key's fingerprint nor a digest", short(text)))?;
        Ok(Self::Image(digest))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(fingerprint) => write!(formatter, "the key {fingerprint}"),
            Self::Image(digest) => write!(formatter, "the image {digest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"version":3,"issued":"2026-11-25T12:00:00Z","expires":"2026-12-25T12:00:00Z","entries":[
        {"image":"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","reason":"bad","since":"2026-11-25T12:00:00Z"},
        {"key":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","reason":"lost","since":"2026-11-25T12:00:00Z"}]}"#;

    #[test]
    fn a_list_is_read_and_written_and_read_again_as_the_same() {
        let list = RevocationList::parse(TEXT.as_bytes()).unwrap();
        assert_eq!((list.version, list.entries.len()), (3, 2));
        assert!(list.revokes(&Target::Image(Digest::sha256(b"abc"))));
        assert!(!list.revokes(&Target::Image(Digest::sha256(b"other"))));
        assert_eq!(RevocationList::parse(&list.to_json()).unwrap(), list);
    }

    #[test]
    fn a_list_that_makes_no_sense_is_refused_whole() {
        for (from, to) in [
            (":3", ":0"),
            (":3", ":-1"),
            ("2026-12-25", "2026-11-24"),
            ("\"key\":\"ba", "\"key\":\"BA"),
            ("\"image\":\"sha256:", "\"image\":\""),
            ("\"key\":", "\"unknown\":"),
            ("\"since\":\"2026-11-25T12:00:00Z\"}]", "\"since\":\"today\"}]"),
        ] {
            RevocationList::parse(TEXT.replacen(from, to, 1).as_bytes()).expect_err(to);
        }
    }
}
