//! The platforms of an image: each has a manifest of its own, which can be signed by itself.

use image::Digest;
use serde_json::Value;

/// Platforms of one image that are looked at, at most.
const MOST: usize = 64;
/// What builders put into an index beside the platforms (BuildKit's attestations) is marked so.
const ATTACHED: &str = "vnd.docker.reference.type";

/// The manifests that an index names, without what is only attached to them; none where the bytes are no index.
pub fn platforms(bytes: &[u8]) -> Vec<Digest> {
    let index: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let entries = index.get("manifests").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_attached = |entry: &&Value| entry.pointer("/annotations").is_some_and(|all| all.get(ATTACHED).is_some());
    let digest = |entry: &Value| entry.get("digest")?.as_str()?.parse().ok();
    entries.iter().filter(|entry| !is_attached(entry)).filter_map(digest).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attestations_are_no_platforms_and_nonsense_has_none() {
        let [one, two] = ["one", "two"].map(|text| Digest::sha256(text.as_bytes()));
        let index = serde_json::json!({ "manifests": [
            { "digest": one, "platform": { "os": "linux", "architecture": "amd64" } },
            { "digest": two, "annotations": { "vnd.docker.reference.type": "attestation-manifest" } },
            { "digest": "sha256:short" }, 7,
        ] });
        assert_eq!(platforms(index.to_string().as_bytes()), [one]);
        for nonsense in ["", "{}", "[]", r#"{"manifests":{}}"#] {
            assert_eq!(platforms(nonsense.as_bytes()), []);
        }
    }
}
