//! Repositories: which manifests and blobs are in each, and which tag points where.
#![allow(clippy::unused_async)]

use image::Digest;

use crate::{Store, StoreError};

/// A manifest as it is kept; its bytes are a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestRow {
    /// Its digest.
    pub digest: Digest,
    /// Its media type as it was pushed.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// The manifest that it is about (OCI 1.1 `subject`), where it names one.
    pub subject: Option<Digest>,
    /// `artifactType`, or the config's media type where a subject is named and no artifact type is.
    pub artifact_type: Option<String>,
    /// Its annotations as JSON, for the referrers list.
    pub annotations: Option<String>,
    /// When it was pushed, RFC 3339.
    pub pushed_at: String,
}

/// A tag with the manifest it points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRow {
    /// The tag.
    pub tag: String,
    /// What it points to.
    pub digest: Digest,
    /// Since when, RFC 3339.
    pub updated_at: String,
}

impl Store {
    /// Says that a blob is in a repository. The blob is there already.
    pub async fn link_blob(&self, _repository: &str, _digest: &Digest) -> Result<(), StoreError> {
        unimplemented!("owner: store room")
    }

    /// Whether a blob is in a repository.
    pub async fn has_blob(&self, _repository: &str, _digest: &Digest) -> Result<bool, StoreError> {
        unimplemented!("owner: store room")
    }

    /// Takes a blob out of a repository; true where it was there.
    pub async fn unlink_blob(&self, _repository: &str, _digest: &Digest) -> Result<bool, StoreError> {
        unimplemented!("owner: store room")
    }

    /// Keeps a manifest in a repository, and moves `tag` to it, in one transaction. Its bytes are a blob already.
    pub async fn put_manifest(
        &self,
        _repository: &str,
        _manifest: &ManifestRow,
        _tag: Option<&str>,
    ) -> Result<(), StoreError> {
        unimplemented!("owner: store room")
    }

    /// A manifest of a repository.
    pub async fn manifest(&self, _repository: &str, _digest: &Digest) -> Result<Option<ManifestRow>, StoreError> {
        unimplemented!("owner: store room")
    }

    /// Deletes a manifest with the tags that point to it; true where it was there.
    pub async fn delete_manifest(&self, _repository: &str, _digest: &Digest) -> Result<bool, StoreError> {
        unimplemented!("owner: store room")
    }

    /// Where a tag points.
    pub async fn tag(&self, _repository: &str, _tag: &str) -> Result<Option<Digest>, StoreError> {
        unimplemented!("owner: store room")
    }

    /// Deletes a tag; true where it was there.
    pub async fn delete_tag(&self, _repository: &str, _tag: &str) -> Result<bool, StoreError> {
        unimplemented!("owner: store room")
    }

    /// At most `limit` tags after `last` in byte order.
    pub async fn tags(&self, _repository: &str, _last: Option<&str>, _limit: u32) -> Result<Vec<TagRow>, StoreError> {
        unimplemented!("owner: store room")
    }

    /// At most `limit` repositories after `last` in byte order.
    pub async fn repositories(&self, _last: Option<&str>, _limit: u32) -> Result<Vec<String>, StoreError> {
        unimplemented!("owner: store room")
    }

    /// The repositories (with tags, where any) in which an image is.
    pub async fn places_of(&self, _digest: &Digest) -> Result<Vec<(String, Option<String>)>, StoreError> {
        unimplemented!("owner: store room")
    }

    /// The manifests of a repository whose subject is `digest`, oldest first.
    pub async fn referrers(
        &self,
        _repository: &str,
        _digest: &Digest,
        _artifact_type: Option<&str>,
    ) -> Result<Vec<ManifestRow>, StoreError> {
        unimplemented!("owner: store room")
    }
}
