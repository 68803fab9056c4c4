//! The list of referrers that clients keep for registries that keep none: an index under the tag `sha256-HEX`.
//!
//! It is read, changed and written, and no registry offers to write only if nothing changed in between. So after writing
//! it is read again, at once and a moment later, and written again when another writer's list has replaced ours.

use std::time::Duration;

use serde_json::{Value, json};

use super::error::{ClientError, Retries};
use super::referrers::{INDEX, Referrer, fallback_tag};
use super::{Client, Manifest};
use crate::source::MANIFEST_BYTES;
use crate::{Digest, Reference, Verified};

const ROUNDS: u32 = 10;
/// Longer than a writer that read before we wrote takes to write, on most networks.
const MOMENT: Duration = Duration::from_millis(250);

impl Client {
    /// Adds a referrer to the list under the fallback tag, keeping what others wrote there.
    pub(super) fn list_under_tag(
        &self,
        reference: &Reference,
        subject: &Digest,
        referrer: &Referrer,
    ) -> Result<(), ClientError> {
        let tag = fallback_tag(subject);
        let action = format!("list {} under {}/{}:{tag}", referrer.digest, reference.registry, reference.repository);
        let mut has_settled = false;
        for round in 0..ROUNDS {
            let present = match self.tagged(reference, &tag) {
                Ok(present) => Some(present),
                Err(error) if error.is_not_found() => None,
                // docker-registry answers so while another writer is in the middle of moving the tag.
                Err(ClientError::Status { status: 500.., .. }) if round + 1 < ROUNDS => {
                    std::thread::sleep(jitter(&referrer.digest, round));
                    continue;
                }
                Err(error) => return Err(error),
            };
            let mut index = parsed(present.as_ref(), reference, &action)?;
            if holds(&index, &referrer.digest) {
                if has_settled {
                    return Ok(());
                }
                has_settled = true;
                std::thread::sleep(MOMENT);
                continue;
            }
            has_settled = false;
            if round > 0 {
                // Two that write in step would go on so for ever.
                std::thread::sleep(jitter(&referrer.digest, round));
            }
            if let Some(list) = index.get_mut("manifests").and_then(Value::as_array_mut) {
                list.push(entry(referrer));
            }
            let bytes = Verified::name(index.to_string().into_bytes());
            if bytes.len() as u64 > MANIFEST_BYTES {
                return Err(ClientError::TooLarge {
                    action,
                    registry: reference.registry.clone(),
                    limit: MANIFEST_BYTES,
                });
            }
            self.push_manifest(reference, Some(&tag), INDEX, &bytes)?;
        }
        Err(ClientError::Contended { action, tries: Retries(ROUNDS) })
    }
}

/// The list as it is, with all that others put into it; a new one where there is none.
fn parsed(present: Option<&Manifest>, reference: &Reference, action: &str) -> Result<Value, ClientError> {
    let Some(present) = present else {
        return Ok(json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [] }));
    };
    let index: Option<Value> = serde_json::from_slice(&present.bytes).ok();
    index.filter(|index| index.get("manifests").is_some_and(Value::is_array)).ok_or_else(|| ClientError::Protocol {
        action: action.to_owned(),
        registry: reference.registry.clone(),
        reason: "the tag is taken by something that is no list of referrers".into(),
    })
}

fn holds(index: &Value, digest: &Digest) -> bool {
    let entries = index.get("manifests").and_then(Value::as_array);
    entries.is_some_and(|entries| {
        entries.iter().any(|entry| entry.get("digest").and_then(Value::as_str) == Some(digest.as_str()))
    })
}

fn entry(referrer: &Referrer) -> Value {
    let mut entry = json!({
        "mediaType": referrer.media_type,
        "digest": referrer.digest,
        "size": referrer.size,
    });
    if let Some(artifact_type) = &referrer.artifact_type {
        entry["artifactType"] = json!(artifact_type);
    }
    if !referrer.annotations.is_empty() {
        entry["annotations"] = json!(referrer.annotations);
    }
    entry
}

/// A pause that differs between writers, since their manifests do.
fn jitter(digest: &Digest, round: u32) -> Duration {
    let seed = digest
        .hex()
        .as_bytes()
        .iter()
        .fold(u64::from(round), |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    Duration::from_millis(seed % (50 * u64::from(round + 1)))
}
