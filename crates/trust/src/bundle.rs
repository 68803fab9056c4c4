//! Sigstore bundles, version 0.3, as cosign 3 writes them for signatures by a key.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use keys::PublicKey;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Envelope;
use crate::dsse::SIGNATURES;
use crate::error::short;

/// What a bundle is called, as a layer and as an artifact.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// Most bytes of a bundle that are read. cosign's have some 700, with certificate and log entry some 10,000.
pub const LIMIT: u64 = 1 << 20;

/// A bundle whose shape is right; whether its signature holds is for the verifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// Which key made it, as the signer says: SHA-256 of the key as base64. Not signed.
    pub hint: Option<String>,
    /// The signed statement.
    pub envelope: Envelope,
}

/// Why bytes are no bundle that can be checked here.
#[derive(Debug, Error)]
pub enum BundleError {
    /// Too many bytes.
    #[error("it is larger than {LIMIT} bytes")]
    TooLarge,
    /// Not the JSON that was expected.
    #[error("it is no Sigstore bundle: {0}")]
    Malformed(String),
    /// Another version.
    #[error("it is a bundle of another version ({0:?})")]
    Version(String),
    /// Signed by a short-lived certificate.
    #[error("it was signed by a certificate (keyless), which this version does not check; trust a key instead")]
    Keyless,
    /// Neither key nor certificate.
    #[error("it does not say what it was signed with")]
    NoMaterial,
    /// A signature over bare bytes instead of a statement.
    #[error("it holds a signature over bytes and no statement about an image")]
    NoStatement,
    /// No signature, or a crowd of them.
    #[error("it holds {0} signatures")]
    Signatures(usize),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    media_type: String,
    verification_material: Option<Material>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dsse_envelope: Option<Envelope>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Material {
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<KeyHint>,
    #[serde(skip_serializing)]
    certificate: Option<serde::de::IgnoredAny>,
    #[serde(skip_serializing)]
    x509_certificate_chain: Option<serde::de::IgnoredAny>,
}

#[derive(Serialize, Deserialize)]
struct KeyHint {
    #[serde(default)]
    hint: Option<String>,
}

impl Bundle {
    /// A bundle around an envelope that `key` signed.
    pub fn new(envelope: Envelope, key: &PublicKey) -> Self {
        Self { hint: Some(hint_of(key)), envelope }
    }

    /// Reads a bundle, and checks no signature.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        Self::parse_within(bytes, LIMIT)
    }

    /// The same for a bundle that may be larger than one around a signature.
    pub(crate) fn parse_within(bytes: &[u8], limit: u64) -> Result<Self, BundleError> {
        if bytes.len() as u64 > limit {
            return Err(BundleError::TooLarge);
        }
        let written: Written = serde_json::from_slice(bytes).map_err(|error| BundleError::Malformed(short(error)))?;
        if written.media_type != MEDIA_TYPE {
            return Err(BundleError::Version(short(written.media_type)));
        }
        let material = written.verification_material.unwrap_or_default();
        if material.certificate.is_some() || material.x509_certificate_chain.is_some() {
            return Err(BundleError::Keyless);
        }
        let key = material.public_key.ok_or(BundleError::NoMaterial)?;
        let envelope = written.dsse_envelope.ok_or(BundleError::NoStatement)?;
        match envelope.signatures.len() {
            1..=SIGNATURES => Ok(Self { hint: key.hint.filter(|hint| !hint.is_empty()), envelope }),
            count => Err(BundleError::Signatures(count)),
        }
    }

    /// The bytes to keep.
    pub fn to_json(&self) -> Vec<u8> {
        let written = Written {
            media_type: MEDIA_TYPE.into(),
            verification_material: Some(Material {
                public_key: Some(KeyHint { hint: self.hint.clone() }),
                ..Material::default()
            }),
            dsse_envelope: Some(self.envelope.clone()),
        };
        // Texts and bytes as base64: there is nothing in it that could fail.
        serde_json::to_vec(&written).unwrap_or_default()
    }

    /// Whether the signer says that `key` made it.
    pub fn names(&self, key: &PublicKey) -> bool {
        self.hint.as_deref() == Some(hint_of(key).as_str())
    }
}

/// SHA-256 over the key's PKIX DER, as base64.
pub(crate) fn hint_of(key: &PublicKey) -> String {
    BASE64_STANDARD.encode(key.fingerprint_bytes())
}
