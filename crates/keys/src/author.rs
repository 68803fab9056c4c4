//! Who writes what is signed, where the one who asks must not.

use crate::{Intent, KeyError, Message, Person, Signature, Signer};

/// A typed request to sign an image.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ImageRequest {
    /// The repository with its registry, `registry.example.com/team/app`.
    pub repository: String,
    /// The tag that was meant.
    pub tag: Option<String>,
    /// The digest, `sha256:…`; the registry must serve it.
    pub digest: String,
    /// What is wanted: `bundle`, `cosign-tag`, `notation`.
    pub formats: Vec<String>,
}

/// Builds what is signed from typed requests. The agent holds keys and knows no formats; who knows the formats gives
/// it one of these.
pub trait Author: Send + Sync {
    /// Fetches what the request names, checks that it is so, and builds the bytes to sign.
    fn draft(&self, request: &ImageRequest, signer: &dyn Signer) -> Result<Box<dyn Draft>, KeyError>;
}

/// Bytes that are ready to be signed, and what becomes of them.
pub trait Draft: Send {
    /// What a person is shown.
    fn intent(&self) -> Intent;

    /// The bytes, in order.
    fn messages(&self) -> Vec<Message<'_>>;

    /// The finished artifacts, one a format: what the one who asked gets.
    fn finish(self: Box<Self>, signatures: Vec<Signature>) -> Result<Vec<SignedArtifact>, KeyError>;
}

/// Signs several drafts in one batch of their key: what each becomes, in their order. Whoever calls it has shown them all.
pub fn sign_drafts(
    drafts: Vec<Box<dyn Draft>>,
    signer: &dyn Signer,
    person: &dyn Person,
) -> Result<Vec<Vec<SignedArtifact>>, KeyError> {
    let messages: Vec<_> = drafts.iter().flat_map(|draft| draft.messages()).collect();
    let mut signatures = signer.sign(&messages, person)?.into_iter();
    let counts: Vec<usize> = drafts.iter().map(|draft| draft.messages().len()).collect();
    drafts
        .into_iter()
        .zip(counts)
        .map(|(draft, count)| draft.finish(signatures.by_ref().take(count).collect()))
        .collect()
}

/// A signature in one of the formats, ready to be stored beside the image.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SignedArtifact {
    /// Which format: `bundle`, `cosign-tag`, `notation`, `attestation`.
    pub format: String,
    /// The bytes of its one layer.
    #[serde(with = "bytes_as_base64")]
    pub bytes: Vec<u8>,
    /// The annotations of its manifest (or, for `cosign-tag`, of its layer).
    pub annotations: std::collections::BTreeMap<String, String>,
}

pub(crate) mod bytes_as_base64 {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64_STANDARD.decode(text).map_err(serde::de::Error::custom)
    }
}
