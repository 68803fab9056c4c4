//! Where signatures are read from.

use image::Digest;
use image::client::Referrer;
use keys::SignedArtifact;
use oci_spec::image::ImageManifest;

use crate::dsse::decode_base64;
use crate::error::short;
use crate::statement::COSIGN_SIGN;
use crate::{Format, TrustError, attested, bundle, notation, simple_signing};

/// Referrers of an image that are looked at, at most. Whoever may write to a repository may add some without end.
pub const BUNDLES: usize = 256;

/// Bytes of all that is read beside an image, at most. Three hundred ordinary signatures take some three million.
pub const BYTES: u64 = 32 << 20;

/// What may still be read beside an image.
#[derive(Debug)]
pub(crate) struct Budget(u64);

impl Budget {
    pub(crate) fn whole() -> Self {
        Self(BYTES)
    }

    /// Takes away what was read.
    pub(crate) fn spend(&mut self, bytes: usize) {
        self.0 = self.0.saturating_sub(bytes as u64);
    }

    /// What is said of the rest, when nothing more is read.
    pub(crate) fn end(&self, image: &Digest) -> Option<TrustError> {
        (self.0 == 0).then(|| TrustError::Bundle {
            name: format!("after others beside {image}"),
            reason: format!("more than {} MiB lie there, and the rest is not looked at", BYTES >> 20),
        })
    }
}

/// The annotations that tell what is in a bundle before one reads it. They are not signed, so they can only make us look
/// at less than there is, never at something else.
pub(crate) const CONTENT: &str = "dev.sigstore.bundle.content";
/// The type of a statement in a bundle.
pub const PREDICATE: &str = "dev.sigstore.bundle.predicateType";

/// Something that lies beside an image and may be a signature of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The manifest that holds it.
    pub manifest: Digest,
    /// Its bytes.
    pub content: Content,
}

/// The bytes of a signature, by their format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A Sigstore bundle.
    Bundle(Vec<u8>),
    /// A payload of simple signing, and the signature that stood in its annotation.
    Simple {
        /// The signed bytes.
        payload: Vec<u8>,
        /// The signature.
        signature: Vec<u8>,
    },
    /// notation's JWS.
    Notation(Vec<u8>),
    /// notation's other envelope, which is not read here.
    Cose,
    /// The statement of a device about a key that signed: no signature, but evidence for one.
    Attestation(Vec<u8>),
}

/// Where the signatures of an image are read from: a registry over HTTP, or the server's own store.
pub trait SignatureSource {
    /// The repository whose images these are, with its registry, where it is known: older signatures name theirs and
    /// count in no other.
    fn repository(&self) -> Option<String> {
        None
    }

    /// What lies beside `image` and may be a signature. What cannot be read is an error entry, not the end of the list.
    fn found(&self, image: &Digest) -> Result<Vec<Result<Found, TrustError>>, TrustError>;
}

/// Whether a referrer may be a signature, or what attests its key. Some writers leave the type out of lists.
pub(crate) fn is_promising(referrer: &Referrer) -> bool {
    match referrer.artifact_type.as_deref() {
        None | Some(notation::ARTIFACT_TYPE | attested::MEDIA_TYPE) => true,
        Some(bundle::MEDIA_TYPE) => {
            referrer.annotations.get(PREDICATE).is_none_or(|predicate| predicate == COSIGN_SIGN)
        }
        Some(_) => false,
    }
}

/// What was made just now, as it will be found again.
pub(crate) fn of_artifact(format: Format, artifact: &SignedArtifact) -> Result<Found, String> {
    let bytes = artifact.bytes.clone();
    let content = match format {
        Format::Bundle => Content::Bundle(bytes),
        Format::CosignTag => {
            let text = artifact.annotations.get(simple_signing::SIGNATURE).ok_or("it has no signature")?;
            let signature = decode_base64(text).ok_or("its signature is no base64")?;
            Content::Simple { payload: bytes, signature }
        }
        Format::Notation => Content::Notation(bytes),
    };
    Ok(Found { manifest: Digest::sha256(&artifact.bytes), content })
}

/// What the one layer of a referrer's manifest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bundle,
    Notation,
    Cose,
    Attestation,
}

impl Kind {
    fn of_media_type(media_type: &str) -> Option<Self> {
        match media_type {
            bundle::MEDIA_TYPE => Some(Self::Bundle),
            notation::JWS => Some(Self::Notation),
            notation::COSE => Some(Self::Cose),
            attested::MEDIA_TYPE => Some(Self::Attestation),
            _ => None,
        }
    }

    fn limit(self) -> u64 {
        match self {
            Self::Bundle => bundle::LIMIT,
            Self::Notation | Self::Cose => notation::LIMIT,
            Self::Attestation => attested::LIMIT,
        }
    }

    pub(crate) fn content(self, bytes: Vec<u8>) -> Content {
        match self {
            Self::Bundle => Content::Bundle(bytes),
            Self::Notation => Content::Notation(bytes),
            Self::Cose => Content::Cose,
            Self::Attestation => Content::Attestation(bytes),
        }
    }
}

/// The one layer of a referrer's manifest.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) kind: Kind,
    pub(crate) digest: Digest,
    pub(crate) limit: u64,
}

/// The layer that a signature's manifest names, when the manifest is about `image`.
pub(crate) fn layer_of(manifest: &[u8], image: &Digest, name: &Digest) -> Result<Layer, TrustError> {
    let malformed = |reason: String| TrustError::Bundle { name: name.to_string(), reason };
    let manifest: ImageManifest = serde_json::from_slice(manifest)
        .map_err(|error| malformed(format!("its manifest is malformed: {}", short(error))))?;
    let is_about_image = manifest.subject().as_ref().is_some_and(|subject| subject.digest().as_ref() == image.as_str());
    if !is_about_image {
        return Err(malformed("its manifest is about another image".into()));
    }
    let layers = manifest.layers();
    let [layer] = layers.as_slice() else {
        return Err(malformed(format!("its manifest has {} layers instead of one", layers.len())));
    };
    let media_type = layer.media_type();
    let kind = Kind::of_media_type(media_type.as_ref())
        .ok_or_else(|| malformed(format!("it holds {} and no signature", short(media_type.as_ref()))))?;
    let limit = kind.limit();
    if layer.size() > limit {
        return Err(malformed(format!("it is larger than {limit} bytes")));
    }
    let digest = layer.digest().as_ref();
    let digest = digest.parse().map_err(|error: image::digest::DigestError| malformed(error.to_string()))?;
    Ok(Layer { kind, digest, limit })
}
