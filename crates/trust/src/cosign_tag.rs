//! The tag `sha256-HEX.sig`, where cosign before version 3 keeps the signatures of an image: a manifest whose layers are
//! the signed payloads, each with its signature as an annotation (sigstore/cosign, `specs/SIGNATURE_SPEC.md`).
//!
//! All signers share the one tag, so that a layer is added to what is there already.

use std::collections::BTreeMap;

use image::client::{Change, Client, Manifest};
use image::{Digest, Reference};
use serde_json::{Value, json};

use crate::artifact::{MANIFEST, Written};
use crate::dsse::decode_base64;
use crate::error::short;
use crate::{TrustError, simple_signing};

/// Signatures under one tag that are looked at, at most.
pub const LAYERS: usize = 256;

/// One signature, as the manifest describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The payload's digest.
    pub digest: Digest,
    /// Its size.
    pub size: u64,
    /// The signature as it is written: base64.
    pub signature: String,
}

/// The tag of an image's signatures.
pub fn tag(image: &Digest) -> String {
    format!("{}-{}.sig", image.algorithm().name(), image.hex()).chars().take(128).collect()
}

/// The signatures that a manifest lists; layers of other kinds are passed over.
pub fn layers(manifest: &[u8]) -> Result<Vec<Layer>, String> {
    let manifest: Value = serde_json::from_slice(manifest).map_err(short)?;
    let layers = manifest.get("layers").and_then(Value::as_array).ok_or("its manifest has no layers")?;
    Ok(layers.iter().take(LAYERS).filter_map(layer).collect())
}

fn layer(value: &Value) -> Option<Layer> {
    let text = |name: &str| value.get(name)?.as_str();
    let signature = value.get("annotations")?.get(simple_signing::SIGNATURE)?.as_str()?;
    (text("mediaType")? == simple_signing::MEDIA_TYPE).then_some(())?;
    let size = value.get("size")?.as_u64()?;
    Some(Layer { digest: text("digest")?.parse().ok()?, size, signature: signature.to_owned() })
}

/// Adds a signed payload to the signatures of `image`, keeping what others wrote there.
pub(crate) fn append(
    client: &Client,
    place: &Reference,
    image: &Digest,
    payload: &[u8],
    annotations: &BTreeMap<String, String>,
) -> Result<Written, TrustError> {
    let digest = Digest::sha256(payload);
    client.push_blob(place, &digest, payload.len() as u64, &mut &payload[..])?;
    let layer = json!({ "mediaType": simple_signing::MEDIA_TYPE, "size": payload.len(), "digest": digest,
        "annotations": annotations });
    let tag = tag(image);
    // Two signers write the same payload; only their signatures differ.
    let writer = Digest::sha256(layer.to_string().as_bytes());
    let mut manifest = digest.clone();
    client.change_tag(place, &tag, &writer, |present| {
        let mut layers = present_layers(present, place, &tag)?;
        if layers.iter().any(|present| is_same(present, &layer)) {
            manifest = present.map_or_else(|| digest.clone(), |present| present.bytes.digest().clone());
            return Ok::<_, TrustError>(Change::Keep);
        }
        layers.push(layer.clone());
        Ok(Change::Write(MANIFEST, whole(client, place, &layers)?))
    })?;
    Ok(Written { manifest, is_listed: false })
}

/// What a tag's manifest would be without these signatures, and how many would be left; nothing where it has none of them.
pub(crate) fn without(
    client: &Client,
    place: &Reference,
    manifest: &[u8],
    signatures: &[Vec<u8>],
) -> Result<Option<(usize, Vec<u8>)>, TrustError> {
    let parsed: Value = serde_json::from_slice(manifest).unwrap_or_default();
    let layers = parsed.get("layers").and_then(Value::as_array).cloned().unwrap_or_default();
    let is_of_them = |value: &Value| {
        let signature = layer(value).and_then(|layer| decode_base64(&layer.signature));
        signature.is_some_and(|signature| signatures.contains(&signature))
    };
    let left: Vec<_> = layers.iter().filter(|layer| !is_of_them(layer)).cloned().collect();
    if left.len() == layers.len() {
        return Ok(None);
    }
    Ok(Some((left.len(), whole(client, place, &left)?)))
}

/// A manifest without any signature, for a tag that cannot be taken away.
pub(crate) fn empty(client: &Client, place: &Reference) -> Result<Vec<u8>, TrustError> {
    whole(client, place, &[])
}

/// The manifest around layers, with its config in place.
fn whole(client: &Client, place: &Reference, layers: &[Value]) -> Result<Vec<u8>, TrustError> {
    let config = config(layers).to_string();
    let digest = Digest::sha256(config.as_bytes());
    client.push_blob(place, &digest, config.len() as u64, &mut config.as_bytes())?;
    let config_type = "application/vnd.oci.image.config.v1+json";
    let whole = json!({ "schemaVersion": 2, "mediaType": MANIFEST,
        "config": { "mediaType": config_type, "size": config.len(), "digest": digest }, "layers": layers });
    Ok(whole.to_string().into_bytes())
}

fn present_layers(present: Option<&Manifest>, place: &Reference, tag: &str) -> Result<Vec<Value>, TrustError> {
    let Some(present) = present else { return Ok(Vec::new()) };
    let manifest: Option<Value> = serde_json::from_slice(&present.bytes).ok();
    let layers = manifest.and_then(|mut manifest| match manifest.get_mut("layers")?.take() {
        Value::Array(layers) => Some(layers),
        _ => None,
    });
    layers.ok_or_else(|| TrustError::Bundle {
        name: format!("{}:{tag}", place.repository_name()),
        reason: "the tag is taken by something that is no list of signatures; delete it, or sign in another format"
            .into(),
    })
}

/// The same payload with the same signature, whatever else cosign noted beside them.
fn is_same(present: &Value, wanted: &Value) -> bool {
    let signature = |layer: &Value| layer.get("annotations")?.get(simple_signing::SIGNATURE).cloned();
    present.get("digest") == wanted.get("digest") && signature(present) == signature(wanted)
}

/// An image's config for what is none: cosign's readers want one layer for each of `rootfs.diff_ids`.
fn config(layers: &[Value]) -> Value {
    const NEVER: &str = "0001-01-01T00:00:00Z";
    let diff_ids: Vec<_> = layers.iter().filter_map(|layer| layer.get("digest")).collect();
    let history = vec![json!({ "created": NEVER }); layers.len()];
    json!({ "architecture": "", "created": NEVER, "history": history, "os": "",
        "rootfs": { "type": "layers", "diff_ids": diff_ids }, "config": {} })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_layers_with_a_signature_are_listed() {
        let image = Digest::sha256(b"x");
        assert_eq!(tag(&image), format!("sha256-{}.sig", image.hex()));
        let good = json!({ "mediaType": simple_signing::MEDIA_TYPE, "digest": image, "size": 3,
            "annotations": { simple_signing::SIGNATURE: "AAAA" } });
        let manifest = |layer: &Value| json!({ "layers": [layer] }).to_string().into_bytes();
        assert_eq!(layers(&manifest(&good)).unwrap().len(), 1);
        for field in ["mediaType", "digest", "size", "annotations"] {
            let mut bad = good.clone();
            bad[field] = json!("x");
            assert!(layers(&manifest(&bad)).unwrap().is_empty(), "{field}");
        }
        assert!(layers(b"{}").is_err());
        assert!(layers(b"[").is_err());
    }
}
