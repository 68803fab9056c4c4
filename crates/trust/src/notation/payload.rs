//! What is said of an image in notation's signatures: its descriptor. Ours carry repository and tag as signed
//! annotations, which notation calls user metadata and lets policies ask for.

use std::collections::BTreeMap;

use image::Digest;
use keys::Algorithm;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use super::envelope::Unsigned;
use crate::Subject;
use crate::error::short;
use crate::statement::{NotSaid, REPOSITORY, Said, TAG, annotation};

/// What is signed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    target_artifact: Target,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Target {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    annotations: Map<String, Value>,
}

/// The image that a signature must be about. Its size and media type follow from the digest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Descriptor<'a> {
    pub(crate) digest: &'a Digest,
}

/// Builds what a key of this algorithm signs about an image.
pub fn unsigned(
    subject: &Subject,
    algorithm: Algorithm,
    certificates: Vec<Vec<u8>>,
    now: OffsetDateTime,
) -> Result<Unsigned, String> {
    let named =
        BTreeMap::from([(REPOSITORY, Some(subject.reference.repository_name())), (TAG, subject.reference.tag.clone())]);
    let annotations = named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))).collect();
    let target = Target {
        media_type: subject.media_type.clone(),
        digest: subject.digest.to_string(),
        size: subject.size,
        annotations,
    };
    // Texts and numbers: there is nothing in it that could fail.
    let payload = serde_json::to_vec(&Payload { target_artifact: target }).unwrap_or_default();
    Unsigned::new(&payload, algorithm, certificates, now)
}

/// What a payload whose signature holds says of an image.
pub(crate) fn said_of(payload: &[u8], image: Descriptor<'_>, signed_at: OffsetDateTime) -> Result<Said, NotSaid> {
    let Payload { target_artifact: target } =
        serde_json::from_slice(payload).map_err(|error| NotSaid::Malformed(short(error)))?;
    if target.digest != image.digest.as_str() {
        return Err(NotSaid::OtherImage);
    }
    Ok(Said {
        repository: annotation(&target.annotations, REPOSITORY),
        tag: annotation(&target.annotations, TAG),
        signed_at: Some(signed_at),
    })
}
