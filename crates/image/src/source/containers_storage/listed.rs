//! What the store says of its images and layers (containers/storage, `images.json` and `layers.json`).

use std::collections::HashMap;
use std::io::{self, Read};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::{SourceError, StoreFolder};

/// Most bytes of either list; a store of ten thousand layers has some 10 MiB.
const LIST_BYTES: u64 = 128 << 20;

/// An image as the store lists it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ListedImage {
    /// The hex digest of its config, for all that podman, buildah and skopeo write.
    pub(super) id: String,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) names: Vec<String>,
    /// Its topmost layer; none in a list of images for several platforms.
    pub(super) layer: Option<String>,
    /// The digests of documents that are kept with it, by their keys.
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) big_data_digests: HashMap<String, String>,
}

/// A layer as the store lists it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ListedLayer {
    pub(super) id: String,
    pub(super) parent: Option<String>,
    /// The digest of its tar, where it was known when the layer was made.
    pub(super) diff_digest: Option<String>,
    /// Bytes of its tar.
    pub(super) diff_size: Option<i64>,
}

/// `null` stands for an empty list where Go had none.
fn or_empty<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// One of the two lists; empty where there is none.
pub(super) fn list<T: DeserializeOwned>(folder: &StoreFolder, name: &str) -> Result<Vec<T>, SourceError> {
    match read(folder, name, LIST_BYTES) {
        Ok(bytes) if bytes.is_empty() => Ok(Vec::new()),
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
            SourceError::malformed(&folder.path().join(name).display().to_string(), error.to_string())
        }),
        Err(SourceError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// A document that is kept with an image.
pub(super) fn document(images: &StoreFolder, image: &str, key: &str, limit: u64) -> Result<Vec<u8>, SourceError> {
    read(images, &format!("{}/{}", part(image)?, file_name(key)), limit)
}

fn read(folder: &StoreFolder, path: &str, limit: u64) -> Result<Vec<u8>, SourceError> {
    let whole = || folder.path().join(path).display().to_string();
    let file = folder.file(path).map_err(|error| SourceError::io(format!("open {}", whole()))(error))?;
    let mut bytes = Vec::new();
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| SourceError::io(format!("read {}", whole()))(error))?;
    if bytes.len() as u64 > limit {
        return Err(SourceError::TooLarge { what: whole(), limit });
    }
    Ok(bytes)
}

/// An id that can be one part of a path.
pub(super) fn part(id: &str) -> Result<&str, SourceError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if id.is_empty() || id.len() > 128 || id.starts_with('.') || !id.bytes().all(is_plain) {
        let id: String = id.escape_debug().take(100).collect();
        return Err(SourceError::malformed("the store's list", format!("{id:?} is no id")));
    }
    Ok(id)
}

/// How a document's key is written as a file's name (containers/storage, `makeBigDataBaseName`).
fn file_name(key: &str) -> String {
    if key.bytes().all(|byte| byte == b'.' || byte.is_ascii_digit() || byte.is_ascii_lowercase()) {
        return key.to_owned();
    }
    format!("={}", STANDARD.encode(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_the_names_that_skopeo_writes() {
        assert_eq!(file_name("manifest"), "manifest");
        assert_eq!(file_name("sha256:46"), "=c2hhMjU2OjQ2");
    }

    #[test]
    fn an_id_leads_nowhere_else() {
        for id in ["", "..", "a/b", ".hidden", "a\0", "é"] {
            assert!(part(id).is_err(), "{id:?}");
        }
        assert!(part(&"a".repeat(64)).is_ok());
    }
}
