//! Where signature bundles are read from.

use image::Digest;
use image::client::Referrer;
use oci_spec::image::ImageManifest;

use crate::error::short;
use crate::statement::COSIGN_SIGN;
use crate::{TrustError, bundle};

/// Referrers of an image that are looked at, at most. Whoever may write to a repository may add some without end.
pub const BUNDLES: usize = 256;

/// The annotations that tell what is in a bundle before one reads it. They are not signed, so they can only make us look
/// at less than there is, never at something else.
pub(crate) const CONTENT: &str = "dev.sigstore.bundle.content";
pub(crate) const PREDICATE: &str = "dev.sigstore.bundle.predicateType";

/// Where the signature bundles of an image are read from: a registry over HTTP, or the server's own store.
pub trait SignatureSource {
    /// The bytes of every Sigstore bundle that refers to `image`. A bundle that cannot be read is an error entry, not
    /// the end of the list.
    fn bundles(&self, image: &Digest) -> Result<Vec<Result<Vec<u8>, TrustError>>, TrustError>;
}

/// Whether a referrer may be a signature.
pub(crate) fn is_promising(referrer: &Referrer) -> bool {
    referrer.annotations.get(PREDICATE).is_none_or(|predicate| predicate == COSIGN_SIGN)
}

/// The digest of the bundle that a signature's manifest names, when the manifest is about `image`.
pub(crate) fn bundle_of(manifest: &[u8], image: &Digest, name: &Digest) -> Result<Digest, TrustError> {
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
    if layer.media_type().as_ref() != bundle::MEDIA_TYPE {
        return Err(malformed(format!("it holds {} and no bundle", short(layer.media_type().as_ref()))));
    }
    if layer.size() > bundle::LIMIT {
        return Err(malformed(format!("it is larger than {} bytes", bundle::LIMIT)));
    }
    layer.digest().as_ref().parse().map_err(|error: image::digest::DigestError| malformed(error.to_string()))
}
