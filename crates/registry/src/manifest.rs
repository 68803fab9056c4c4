//! A manifest as a client pushes it: read with bounds, checked for being what it says (image-spec, manifest.md and
//! image-index.md; docker's manifest v2, schema 2).

use std::collections::BTreeMap;

use image::Digest;
use serde::Deserialize;

use crate::error::{Code, Refusal};

/// Largest manifest that is taken (distribution-spec: "at least 4 megabytes").
pub const MOST_BYTES: usize = 4 << 20;

/// Most things that one manifest may name. 4 MiB hold more descriptors than anybody needs, and each costs a query.
const MOST_DESCRIPTORS: usize = 10_000;

/// Most bytes of annotations of what is about another manifest. They are listed with it, all such manifests in one
/// answer, so that some dozens with megabytes each would take the server's memory.
const MOST_LISTED: usize = 64 << 10;

/// A manifest, checked but for the presence of what it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// What it is, as it is served.
    pub media_type: MediaType,
    /// Blobs that it names, config first.
    pub blobs: Vec<Descriptor>,
    /// Manifests that it names.
    pub children: Vec<Descriptor>,
    /// What it is about.
    pub subject: Option<Digest>,
    /// What kind of artifact it is; `None` for an image, or for an index that does not say.
    pub artifact_type: Option<String>,
    /// Its annotations as JSON.
    pub annotations: Option<String>,
    /// The layers, where it is a container image.
    pub layers: Option<Vec<Digest>>,
}

/// Something that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Descriptor {
    /// Its type.
    #[serde(rename = "mediaType")]
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Where else its bytes are.
    #[serde(default)]
    urls: Vec<String>,
}

/// The manifests that are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// OCI's image or artifact.
    Manifest,
    /// OCI's list of platforms.
    Index,
    /// docker's image.
    DockerManifest,
    /// docker's list of platforms.
    DockerList,
}

impl MediaType {
    const ALL: [Self; 4] = [Self::Manifest, Self::Index, Self::DockerManifest, Self::DockerList];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manifest => "application/vnd.oci.image.manifest.v1+json",
            Self::Index => "application/vnd.oci.image.index.v1+json",
            Self::DockerManifest => "application/vnd.docker.distribution.manifest.v2+json",
            Self::DockerList => "application/vnd.docker.distribution.manifest.list.v2+json",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }

    fn is_list(self) -> bool {
        matches!(self, Self::Index | Self::DockerList)
    }
}

impl Descriptor {
    /// Whether its bytes are meant to lie elsewhere and may be absent here (Windows' base layers).
    pub fn is_foreign(&self) -> bool {
        !self.urls.is_empty()
            && (self.media_type.contains(".nondistributable.")
                || self.media_type == "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")
    }
}

/// The union of what the four types may hold.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema_version: u64,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
    annotations: Option<BTreeMap<String, String>>,
}

impl Manifest {
    /// Reads a manifest that was pushed as `content_type`.
    pub fn parse(bytes: &[u8], content_type: Option<&str>) -> Result<Self, Refusal> {
        let document: Document = serde_json::from_slice(bytes)
            .map_err(|error| invalid(format!("the manifest is not JSON of the form that it should have: {error}")))?;
        let media_type = media_type(&document, content_type)?;
        if document.schema_version != 2 {
            return Err(invalid(format!("the manifest has schemaVersion {}, not 2", document.schema_version)));
        }
        let Document { artifact_type, config, layers, manifests, subject, annotations, .. } = document;
        // A document that is both could be an image to one client and a list to another.
        let (blobs, children, layers, config_type) = if media_type.is_list() {
            if config.is_some() || layers.is_some() {
                return Err(invalid("a list of manifests has neither config nor layers"));
            }
            (Vec::new(), manifests.unwrap_or_default(), None, None)
        } else {
            if manifests.is_some() {
                return Err(invalid("an image manifest has no manifests inside"));
            }
            let (Some(config), Some(layers)) = (config, layers) else {
                return Err(invalid("an image manifest names a config and layers"));
            };
            let digests = layers.iter().map(|layer| layer.digest.clone()).collect();
            let is_image = is_image_config(&config.media_type)
                && layers.iter().all(|layer| image::source::is_layer(&layer.media_type));
            let image = is_image.then_some(digests);
            let config_type = config.media_type.clone();
            let blobs = std::iter::once(config).chain(layers).collect();
            (blobs, Vec::new(), image, Some(config_type))
        };
        if blobs.len() + children.len() > MOST_DESCRIPTORS {
            return Err(invalid(format!("the manifest names more than {MOST_DESCRIPTORS} things")));
        }
        let subject = subject.map(|subject| subject.digest);
        // distribution-spec, "Pushing manifests with subject": the config's type stands in for an absent artifact type.
        let stands_in = config_type.filter(|_| layers.is_none() || subject.is_some());
        let artifact_type = artifact_type.filter(|kind| !kind.is_empty()).or(stands_in);
        if artifact_type.as_deref().is_some_and(|kind| !is_media_type(kind)) {
            return Err(invalid("artifactType is not a media type"));
        }
        let annotations = annotations.map(|annotations| serde_json::to_string(&annotations).unwrap_or_default());
        if subject.is_some() && annotations.as_ref().is_some_and(|annotations| annotations.len() > MOST_LISTED) {
            return Err(invalid(format!(
                "the annotations of a manifest about another one are listed with it and may have {MOST_LISTED} bytes; put \
                 more into a layer of it"
            )));
        }
        Ok(Self { media_type, blobs, children, subject, artifact_type, annotations, layers })
    }
}

/// What the request and the document say must agree, else two clients could take the same bytes for different things.
fn media_type(document: &Document, content_type: Option<&str>) -> Result<MediaType, Refusal> {
    let said = content_type.map(|said| said.split(';').next().unwrap_or_default().trim());
    let names: Vec<&str> = [said, document.media_type.as_deref()].into_iter().flatten().collect();
    if let [said, inside] = names[..]
        && said != inside
    {
        return Err(invalid(format!("the manifest was sent as {said:?}, but says that it is {inside:?}")));
    }
    let name = names.first().ok_or_else(|| invalid("neither Content-Type nor mediaType says what manifest it is"))?;
    MediaType::from_name(name).ok_or_else(|| {
        let shortened: String = name.chars().take(100).collect();
        invalid(format!("{shortened:?} is no manifest type that is taken; push OCI or docker schema 2 manifests"))
    })
}

fn is_image_config(media_type: &str) -> bool {
    matches!(media_type, "application/vnd.oci.image.config.v1+json" | "application/vnd.docker.container.image.v1+json")
}

/// `type/subtype` of RFC 6838, as it goes into lists and headers.
fn is_media_type(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    text.len() <= 255 && text.split_once('/').is_some_and(|(kind, subtype)| part(kind) && part(subtype))
}

fn invalid(reason: impl Into<String>) -> Refusal {
    Refusal::new(Code::ManifestInvalid, reason)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn descriptor(media_type: &str) -> serde_json::Value {
        json!({ "mediaType": media_type, "digest": format!("sha256:{}", "a".repeat(64)), "size": 3 })
    }

    fn parse(document: &serde_json::Value, content_type: Option<MediaType>) -> Result<Manifest, Refusal> {
        Manifest::parse(document.to_string().as_bytes(), content_type.map(MediaType::as_str))
    }

    fn image() -> serde_json::Value {
        json!({
            "schemaVersion": 2,
            "config": descriptor("application/vnd.oci.image.config.v1+json"),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip")],
        })
    }

    #[test]
    fn an_image_names_config_and_layers_and_is_no_artifact() {
        let manifest = parse(&image(), Some(MediaType::Manifest)).unwrap();
        assert_eq!((manifest.blobs.len(), manifest.layers.unwrap().len()), (2, 1));
        assert_eq!(manifest.artifact_type, None);
    }

    #[test]
    fn an_artifact_without_a_type_has_that_of_its_config() {
        let mut document = image();
        document["config"]["mediaType"] = "application/vnd.example.config".into();
        let manifest = parse(&document, Some(MediaType::Manifest)).unwrap();
        assert_eq!(
            (manifest.artifact_type.as_deref(), manifest.layers),
            (Some("application/vnd.example.config"), None)
        );
    }

    #[test]
    fn what_has_an_images_config_but_other_layers_is_no_image() {
        let mut attestation = image();
        attestation["layers"][0]["mediaType"] = "application/vnd.in-toto+json".into();
        assert_eq!(parse(&attestation, Some(MediaType::Manifest)).unwrap().layers, None);
        let mut empty = image();
        empty["layers"] = json!([]);
        assert_eq!(parse(&empty, Some(MediaType::Manifest)).unwrap().layers, Some(vec![]));
    }

    #[test]
    fn what_says_two_things_is_refused() {
        let mut both = image();
        both["manifests"] = json!([]);
        let mut other = image();
        other["mediaType"] = MediaType::Index.as_str().into();
        let list = json!({ "schemaVersion": 2, "manifests": [], "layers": [] });
        assert!(parse(&both, Some(MediaType::Manifest)).is_err());
        assert!(parse(&image(), Some(MediaType::Index)).is_err());
        assert!(parse(&other, Some(MediaType::Manifest)).is_err());
        assert!(parse(&list, Some(MediaType::Index)).is_err());
        let twice = r#"{"schemaVersion":2,"manifests":[],"manifests":[]}"#;
        assert!(Manifest::parse(twice.as_bytes(), Some(MediaType::Index.as_str())).is_err());
    }

    #[test]
    fn what_is_no_manifest_is_refused_with_a_reason() {
        let mut negative = image();
        negative["layers"][0]["size"] = (-1).into();
        let mut digest = image();
        digest["layers"][0]["digest"] = "sha256:../../etc/passwd".into();
        let mut old = image();
        old["schemaVersion"] = 1.into();
        let mut kind = image();
        kind["artifactType"] = "text/html\r\nX: y".into();
        for document in [negative, digest, old, kind, json!([]), json!({}), json!({ "schemaVersion": 2 })] {
            let refusal = parse(&document, Some(MediaType::Manifest)).unwrap_err();
            assert_eq!(refusal.code(), Code::ManifestInvalid, "{document}");
        }
        let deep = "[".repeat(100_000);
        assert!(Manifest::parse(deep.as_bytes(), None).is_err());
        let schema1 = Some("application/vnd.docker.distribution.manifest.v1+prettyjws");
        assert!(Manifest::parse(image().to_string().as_bytes(), schema1).unwrap_err().message().contains("schema 2"));
    }

    #[test]
    fn annotations_that_are_listed_with_a_subject_are_bounded() {
        let mut document = image();
        document["annotations"] = json!({ "key": "x".repeat(MOST_LISTED) });
        assert!(parse(&document, Some(MediaType::Manifest)).is_ok());
        document["subject"] = descriptor("application/vnd.oci.image.manifest.v1+json");
        assert!(parse(&document, Some(MediaType::Manifest)).unwrap_err().message().contains("annotations"));
        document["annotations"] = json!({ "key": "x".repeat(MOST_LISTED / 2) });
        assert!(parse(&document, Some(MediaType::Manifest)).is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Manifest::parse(&bytes, Some(MediaType::Manifest.as_str()));
        }
    }
}
