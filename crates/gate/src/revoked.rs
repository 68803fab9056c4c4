//! What is no longer trusted, as the gate needs to know it.

use std::collections::BTreeMap;

use image::Digest;
use time::OffsetDateTime;
use trust::revocation::{RevocationList, Target};

/// A revocation list whose signature was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Its version; it only grows.
    pub version: u64,
    /// When it was signed.
    pub issued: OffsetDateTime,
    /// When it ends.
    pub expires: OffsetDateTime,
    /// Keys by fingerprint, each with the reason.
    pub keys: BTreeMap<String, String>,
    /// Images by digest, each with the reason.
    pub images: BTreeMap<String, String>,
}

impl Revoked {
    /// Why a key no longer counts, where it does not.
    pub fn key(&self, fingerprint: &str) -> Option<&str> {
        self.keys.get(fingerprint).map(String::as_str)
    }

    /// Why an image no longer counts, where it does not.
    pub fn image(&self, digest: &Digest) -> Option<&str> {
        self.images.get(&digest.to_string()).map(String::as_str)
    }
}

impl From<RevocationList> for Revoked {
    fn from(list: RevocationList) -> Self {
        let RevocationList { version, issued, expires, entries } = list;
        let (mut keys, mut images) = (BTreeMap::new(), BTreeMap::new());
        for entry in entries {
            match entry.target {
                Target::Key(fingerprint) => keys.insert(fingerprint, entry.reason),
                Target::Image(digest) => images.insert(digest.to_string(), entry.reason),
            };
        }
        Self { version, issued, expires, keys, images }
    }
}
