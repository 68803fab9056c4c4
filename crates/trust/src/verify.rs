//! Holding bundles against keys.

use image::Digest;
use keys::{Attestation, PublicKey};
use thiserror::Error;
use time::OffsetDateTime;

use crate::bundle::BundleError;
use crate::error::short;
use crate::statement::{NotSaid, PAYLOAD_TYPE};
use crate::{Bundle, Format, SignatureSource, Statement, TrustError};

/// A signature of an image that verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The key that made it.
    pub key: PublicKey,
    /// The form in which it lay in the registry.
    pub format: Format,
    /// The repository that the signer said it is for, from a signed field.
    pub repository: Option<String>,
    /// The tag, likewise.
    pub tag: Option<String>,
    /// When it was made: a timestamping authority's word where there is one, else the signer's own, signed.
    pub signed_at: Option<OffsetDateTime>,
    /// For notation: the trusted certificate (DER) that the signer's chain leads to, where the key itself is not
    /// trusted by name.
    pub authority: Option<Vec<u8>>,
    /// The device's statement about the key, for exactly this key and not yet verified against any root.
    pub attestation: Option<Attestation>,
}

impl Signature {
    /// A signature by a key, of which nothing else is known.
    pub fn by(key: PublicKey) -> Self {
        Self {
            key,
            format: Format::default(),
            repository: None,
            tag: None,
            signed_at: None,
            authority: None,
            attestation: None,
        }
    }
}

/// Checks signatures against a set of trusted keys.
#[derive(Clone, Debug)]
pub struct Verifier {
    keys: Vec<PublicKey>,
}

/// All that was found at an image.
#[derive(Debug, Default)]
pub struct Examination {
    /// Valid signatures by trusted keys, one for each key and what it said.
    pub signatures: Vec<Signature>,
    /// Why the other bundles do not count, in the order in which they were found.
    pub rejected: Vec<Rejection>,
}

/// Why a bundle does not count.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Rejection {
    /// It could not be fetched.
    #[error(transparent)]
    Unreadable(TrustError),
    /// It is no bundle, or none that can be checked.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Signed, if at all, by a key that is not trusted.
    #[error("it is signed by {}", unknown(.0.as_deref()))]
    UnknownKey(Option<String>),
    /// It names a trusted key, and that key's signature does not hold: it was changed or made up.
    #[error("it claims to be by the trusted key {0}, but that signature does not hold: it was changed, or made up")]
    Forged(String),
    /// A payload that is no statement.
    #[error("a trusted key signed something of type {0:?} there, which is no statement about an image")]
    PayloadType(String),
    /// A statement by a trusted key that is no signature of this image.
    #[error("by the trusted key {0}: {1}")]
    NotSaid(String, NotSaid),
}

impl Verifier {
    /// A verifier that trusts these keys and no other.
    pub fn new(keys: Vec<PublicKey>) -> Self {
        Self { keys }
    }

    /// The keys.
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// Every valid signature of `image` by a trusted key, one a key; signatures by others and broken ones are left out.
    pub fn verify(&self, image: &Digest, source: &dyn SignatureSource) -> Result<Vec<Signature>, TrustError> {
        let mut signatures = self.examine(image, source)?.signatures;
        let mut seen: Vec<PublicKey> = Vec::new();
        signatures.retain(|signature| {
            let is_new = !seen.contains(&signature.key);
            if is_new {
                seen.push(signature.key.clone());
            }
            is_new
        });
        Ok(signatures)
    }

    /// Every valid signature of `image`, and why the other bundles do not count.
    pub fn examine(&self, image: &Digest, source: &dyn SignatureSource) -> Result<Examination, TrustError> {
        let mut examination = Examination::default();
        for bundle in source.bundles(image)? {
            match bundle.map_err(Rejection::Unreadable).and_then(|bytes| self.check(&bytes, image)) {
                Ok(signature) if examination.signatures.contains(&signature) => {}
                Ok(signature) => examination.signatures.push(signature),
                Err(rejection) => examination.rejected.push(rejection),
            }
        }
        Ok(examination)
    }

    /// As [`Verifier::examine`], for a platform manifest that was reached through `index`, whose bytes the caller has
    /// checked and found to name it: signatures of either count.
    pub fn examine_image(
        &self,
        image: &Digest,
        index: Option<&Digest>,
        source: &dyn SignatureSource,
    ) -> Result<Examination, TrustError> {
        let mut all = match index {
            Some(index) => self.examine(index, source)?,
            None => Examination::default(),
        };
        let own = self.examine(image, source)?;
        let is_new = |signature: &Signature| !all.signatures.contains(signature);
        let new: Vec<Signature> = own.signatures.into_iter().filter(is_new).collect();
        all.signatures.extend(new);
        all.rejected.extend(own.rejected);
        Ok(all)
    }

    /// One bundle. The signature is checked before the statement is parsed.
    fn check(&self, bytes: &[u8], image: &Digest) -> Result<Signature, Rejection> {
        let bundle = Bundle::parse(bytes)?;
        let Some(key) = bundle.envelope.signer(&self.keys) else {
            return Err(match self.keys.iter().find(|key| bundle.names(key)) {
                Some(key) => Rejection::Forged(key.fingerprint()),
                None => Rejection::UnknownKey(bundle.hint),
            });
        };
        if bundle.envelope.payload_type != PAYLOAD_TYPE {
            return Err(Rejection::PayloadType(short(bundle.envelope.payload_type)));
        }
        let said = Statement::said_of(&bundle.envelope.payload.0, image)
            .map_err(|reason| Rejection::NotSaid(key.fingerprint(), reason))?;
        Ok(Signature { repository: said.repository, tag: said.tag, ..Signature::by(key.clone()) })
    }
}

/// A key that is not trusted, by its fingerprint where the bundle hints at one.
fn unknown(hint: Option<&str>) -> String {
    use base64::Engine as _;
    let fingerprint = hint.and_then(|hint| base64::prelude::BASE64_STANDARD.decode(hint).ok());
    match fingerprint {
        Some(bytes) if bytes.len() == 32 => {
            let hex = bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
            format!("another key, which calls itself {hex}")
        }
        _ => "another key".into(),
    }
}
