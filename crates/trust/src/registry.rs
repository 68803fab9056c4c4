//! The signatures of an image in a registry.

use image::client::Client;
use image::{Digest, Reference, Verified};

use crate::dsse::decode_base64;
use crate::source::{BUNDLES, Budget, Content, Found, is_promising, layer_of};
use crate::{Cache, SignatureSource, TrustError, cosign_tag, simple_signing};

/// Reads signatures out of one repository of a registry.
#[derive(Clone, Debug)]
pub struct RegistrySignatures {
    client: Client,
    place: Reference,
    cache: Option<Cache>,
}

impl RegistrySignatures {
    /// Looks in the repository of `place`.
    pub fn new(client: Client, place: Reference) -> Self {
        Self { client, place, cache: None }
    }

    /// The same, with a memory of what was read before.
    #[must_use]
    pub fn remembering(self, cache: Cache) -> Self {
        Self { cache: Some(cache), ..self }
    }

    fn cached(
        &self,
        digest: &Digest,
        read: impl FnOnce() -> Result<Verified, TrustError>,
    ) -> Result<Verified, TrustError> {
        match &self.cache {
            Some(cache) => cache.or_read(digest, read),
            None => read(),
        }
    }

    fn blob(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>, TrustError> {
        let bytes = self.cached(digest, || Ok(self.client.small_blob(&self.place, digest, limit)?))?;
        Ok(bytes.into_bytes())
    }

    fn referrer(&self, manifest: &Digest, image: &Digest, budget: &mut Budget) -> Result<Found, TrustError> {
        let bytes = self.cached(manifest, || Ok(self.client.manifest(&self.place, manifest)?.bytes))?;
        budget.spend(bytes.len());
        let layer = layer_of(&bytes, image, manifest)?;
        let bytes = self.blob(&layer.digest, layer.limit)?;
        budget.spend(bytes.len());
        Ok(Found { manifest: manifest.clone(), content: layer.kind.content(bytes) })
    }

    /// What lies under the tag of cosign before version 3; nothing where there is no such tag.
    pub(crate) fn tagged(&self, image: &Digest) -> Result<Vec<Result<Found, TrustError>>, TrustError> {
        let tag = cosign_tag::tag(image);
        let present = match self.client.tagged(&self.place, &tag) {
            Ok(present) => present,
            Err(error) if error.is_not_found() => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let manifest = present.bytes.digest();
        let layers = match cosign_tag::layers(&present.bytes) {
            Ok(layers) => layers,
            Err(reason) => return Ok(vec![Err(TrustError::Bundle { name: tag, reason })]),
        };
        let mut found = Vec::new();
        for layer in layers {
            found.push(self.simple(manifest, &layer));
            if is_outage(found.last()) {
                break;
            }
        }
        Ok(found)
    }

    fn simple(&self, manifest: &Digest, layer: &cosign_tag::Layer) -> Result<Found, TrustError> {
        let payload = self.blob(&layer.digest, simple_signing::LIMIT)?;
        simple(manifest, layer, payload)
    }
}

/// A payload out of the older tag, with its signature.
pub(crate) fn simple(manifest: &Digest, layer: &cosign_tag::Layer, payload: Vec<u8>) -> Result<Found, TrustError> {
    let signature = decode_base64(&layer.signature).ok_or_else(|| TrustError::Bundle {
        name: layer.digest.to_string(),
        reason: "its signature is no base64".into(),
    })?;
    Ok(Found { manifest: manifest.clone(), content: Content::Simple { payload, signature } })
}

/// A registry that has stopped answering is not waited for once more for each of the rest.
fn is_outage(last: Option<&Result<Found, TrustError>>) -> bool {
    matches!(last, Some(Err(TrustError::Registry(error))) if error.is_outage())
}

impl SignatureSource for RegistrySignatures {
    fn repository(&self) -> Option<String> {
        Some(self.place.repository_name())
    }

    fn found(&self, image: &Digest) -> Result<Vec<Result<Found, TrustError>>, TrustError> {
        // One request for all kinds, instead of one a kind.
        let referrers = self.client.referrers(&self.place, image, None)?;
        let (mut found, mut budget) = (Vec::new(), Budget::whole());
        for referrer in referrers.iter().filter(|referrer| is_promising(referrer)).take(BUNDLES) {
            found.push(self.referrer(&referrer.digest, image, &mut budget));
            if is_outage(found.last()) {
                return Ok(found);
            }
            if let Some(error) = budget.end(image) {
                found.push(Err(error));
                break;
            }
        }
        match self.tagged(image) {
            Ok(tagged) => found.extend(tagged),
            Err(error) => found.push(Err(error)),
        }
        Ok(found)
    }
}
