//! The list of referrers that clients keep for registries that keep none: an index under the tag `sha256-HEX`.

use serde_json::{Map, Value, json};

use super::error::ClientError;
use super::referrers::{INDEX, Referrer, fallback_tag};
use super::shared::Change;
use super::{Client, Manifest};
use crate::{Digest, Reference};

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
        self.change_tag(reference, &tag, &referrer.digest, |present| {
            let (index, mut entries) = parsed(list(present, subject), reference, &action)?;
            if entries.iter().any(|entry| is_of(entry, &referrer.digest)) {
                return Ok::<_, ClientError>(Change::Keep);
            }
            entries.push(entry(referrer));
            Ok(written(index, entries))
        })?;
        Ok(())
    }

    /// Takes a referrer out of the list under the fallback tag, where there is one; whether it stood there.
    pub(super) fn unlist_under_tag(
        &self,
        reference: &Reference,
        subject: &Digest,
        referrer: &Digest,
    ) -> Result<bool, ClientError> {
        let tag = fallback_tag(subject);
        let action = format!("take {referrer} from {}/{}:{tag}", reference.registry, reference.repository);
        let changed = self.change_tag(reference, &tag, referrer, |present| {
            let Some(present) = list(present, subject) else { return Ok::<_, ClientError>(Change::Keep) };
            let (index, mut entries) = parsed(Some(present), reference, &action)?;
            let before = entries.len();
            entries.retain(|entry| !is_of(entry, referrer));
            if entries.len() == before {
                return Ok(Change::Keep);
            }
            Ok(written(index, entries))
        })?;
        Ok(changed.is_some())
    }
}

/// What lies under the tag, where it may be a list. Some copy an image by its digest and leave its own manifest under the tag
/// of its list (`cosign copy`); that stays reachable by its digest, and nothing of anybody's is lost with the name.
pub(super) fn list<'a>(present: Option<&'a Manifest>, subject: &Digest) -> Option<&'a Manifest> {
    present.filter(|present| present.bytes.digest() != subject)
}

/// The list as it is, with all that others put into it, taken apart; a new one where there is none.
fn parsed(
    present: Option<&Manifest>,
    reference: &Reference,
    action: &str,
) -> Result<(Map<String, Value>, Vec<Value>), ClientError> {
    let Some(present) = present else {
        let mut index = Map::new();
        index.insert("schemaVersion".into(), json!(2));
        index.insert("mediaType".into(), json!(INDEX));
        return Ok((index, Vec::new()));
    };
    let taken = || {
        ClientError::Protocol {
        action: action.to_owned(),
        registry: reference.registry.clone(),
        reason: "the tag is taken by something that is no list of referrers; delete the tag, where nobody needs it, and sign again"
            .into(),
    }
    };
    let mut index: Map<String, Value> = serde_json::from_slice(&present.bytes).map_err(|_| taken())?;
    match index.remove("manifests") {
        Some(Value::Array(entries)) => Ok((index, entries)),
        _ => Err(taken()),
    }
}

fn written(mut index: Map<String, Value>, entries: Vec<Value>) -> Change {
    index.insert("manifests".into(), Value::Array(entries));
    Change::Write(INDEX, Value::Object(index).to_string().into_bytes())
}

fn is_of(entry: &Value, digest: &Digest) -> bool {
    entry.get("digest").and_then(Value::as_str) == Some(digest.as_str())
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
