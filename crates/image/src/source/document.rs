//! The two documents that a manifest's digest can name, told apart: an index or an image manifest.

use oci_spec::image::{Descriptor, ImageIndex, ImageManifest};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::SourceError;
use crate::{Digest, Verified};

/// Most bytes of a manifest or index (the size that registries agree on).
pub const MANIFEST_BYTES: u64 = 4 << 20;
/// Most bytes of an image's config.
pub const CONFIG_BYTES: u64 = 8 << 20;
/// Most layers of one image. Overlay mounts end at 500 lower folders, docker at 127.
pub const LAYERS: usize = 1024;

/// What a manifest's bytes are.
#[derive(Clone, Debug)]
pub enum Document {
    /// A list of manifests, one a platform.
    Index(Box<ImageIndex>),
    /// One platform's image.
    Manifest(Box<ImageManifest>),
}

/// Which of the two a media type promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DocumentKind {
    Index,
    Manifest,
}

/// Media types of indexes and manifests, in the order in which a client should say that it accepts them.
pub const MANIFEST_MEDIA_TYPES: [&str; 4] =
    [OCI_INDEX, OCI_MANIFEST, "application/vnd.docker.distribution.manifest.list.v2+json", DOCKER_MANIFEST];

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// Media types of the config of something that runs. The last was written by docker 1.10.
const IMAGE_CONFIGS: [&str; 3] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
    "application/octet-stream",
];

/// What a document shows before one decides what it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shape {
    schema_version: Option<u32>,
    media_type: Option<String>,
    manifests: Option<IgnoredAny>,
    config: Option<IgnoredAny>,
    layers: Option<IgnoredAny>,
    fs_layers: Option<IgnoredAny>,
}

impl Document {
    /// Parses bytes that matched their digest. `media_type` is what the descriptor or the `Content-Type` header
    /// said; a document that says otherwise, or that could be read as both (CVE-2021-41190), is refused.
    pub fn parse(bytes: &Verified, media_type: Option<&str>, what: &str) -> Result<Self, SourceError> {
        if bytes.len() as u64 > MANIFEST_BYTES {
            return Err(SourceError::TooLarge { what: what.to_owned(), limit: MANIFEST_BYTES });
        }
        let malformed = |error: serde_json::Error| SourceError::malformed(what, error.to_string());
        let shape: Shape = serde_json::from_slice(bytes).map_err(malformed)?;
        match shape.kind(media_type, what)? {
            DocumentKind::Index => Ok(Self::Index(Box::new(serde_json::from_slice(bytes).map_err(malformed)?))),
            DocumentKind::Manifest => {
                let manifest: ImageManifest = serde_json::from_slice(bytes).map_err(malformed)?;
                if manifest.layers().len() > LAYERS {
                    return Err(SourceError::TooMany {
                        what: format!("layers in {what}"),
                        found: manifest.layers().len() as u64,
                        limit: LAYERS as u64,
                    });
                }
                Ok(Self::Manifest(Box::new(manifest)))
            }
        }
    }
}

impl Shape {
    fn kind(&self, media_type: Option<&str>, what: &str) -> Result<DocumentKind, SourceError> {
        let has_schema1_type = media_type
            .is_some_and(|media_type| media_type.starts_with("application/vnd.docker.distribution.manifest.v1"));
        if self.schema_version == Some(1) || self.fs_layers.is_some() || has_schema1_type {
            return Err(SourceError::Unsupported {
                what: what.to_owned(),
                reason: "docker's image format of 2014 (manifest schema 1) names no config and cannot be verified; \
                         push the image again with any docker since 1.10"
                    .into(),
            });
        }
        let by_shape = match (self.manifests.is_some(), self.config.is_some() || self.layers.is_some()) {
            (true, false) => DocumentKind::Index,
            (false, true) => DocumentKind::Manifest,
            (true, true) => return Err(SourceError::malformed(what, "it is an index and a manifest at once")),
            (false, false) => return Err(SourceError::malformed(what, "it lists neither manifests nor layers")),
        };
        for claim in [media_type, self.media_type.as_deref()].into_iter().flatten() {
            match kind_of_media_type(claim) {
                Some(kind) if kind != by_shape => {
                    let reason = format!("it is called {claim:?}, but its content is that of the other kind");
                    return Err(SourceError::malformed(what, reason));
                }
                _ => {}
            }
        }
        Ok(by_shape)
    }
}

/// Which document a media type stands for; `None` for others' (`application/json`, an artifact's own).
pub(super) fn kind_of_media_type(media_type: &str) -> Option<DocumentKind> {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    match MANIFEST_MEDIA_TYPES.iter().position(|known| *known == essence)? {
        0 | 2 => Some(DocumentKind::Index),
        _ => Some(DocumentKind::Manifest),
    }
}

/// Refuses manifests that hold something else than an image that can run: signatures in cosign's old form have an
/// image's config, so the layers are looked at as well.
pub(super) fn require_image(manifest: &ImageManifest, what: &str) -> Result<(), SourceError> {
    let refuse = |kind: &str| Err(SourceError::NotAnImage { what: what.to_owned(), kind: kind.to_owned() });
    let config = manifest.config().media_type().as_ref();
    if !IMAGE_CONFIGS.contains(&config) {
        let artifact_type = manifest.artifact_type().as_ref().map(AsRef::as_ref);
        return refuse(artifact_type.unwrap_or(config));
    }
    for layer in manifest.layers() {
        let media_type: &str = layer.media_type().as_ref();
        if !is_layer(media_type) {
            return refuse(media_type);
        }
        if media_type.ends_with("+encrypted") {
            return Err(SourceError::Unsupported {
                what: format!("layer {} of {what}", layer.digest()),
                reason: "the layer is encrypted; decrypt the image first (skopeo copy --decryption-key)".into(),
            });
        }
    }
    Ok(())
}

/// Whether a media type is that of an image's layer, packed in whatever way. With an image's config above them, cosign's
/// old signatures and BuildKit's attestations are told from images by nothing else.
pub fn is_layer(media_type: &str) -> bool {
    ["application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs."]
        .iter()
        .any(|prefix| media_type.starts_with(prefix))
}

/// The digest of a descriptor as our own type, which is stricter than the specification's.
pub(super) fn digest_of(descriptor: &Descriptor, what: &str) -> Result<Digest, SourceError> {
    descriptor
        .digest()
        .as_ref()
        .parse()
        .map_err(|error: crate::digest::DigestError| SourceError::malformed(what, error.to_string()))
}
