//! The signature bundles of an image in a registry.

use image::client::Client;
use image::{Digest, Reference};

use crate::source::{BUNDLES, bundle_of, is_promising};
use crate::{SignatureSource, TrustError, bundle};

/// Reads bundles out of one repository of a registry.
#[derive(Clone, Debug)]
pub struct RegistrySignatures {
    client: Client,
    place: Reference,
}

impl RegistrySignatures {
    /// Looks in the repository of `place`.
    pub fn new(client: Client, place: Reference) -> Self {
        Self { client, place }
    }

    fn bundle(&self, manifest: &Digest, image: &Digest) -> Result<Vec<u8>, TrustError> {
        let bytes = self.client.manifest(&self.place, manifest)?.bytes;
        let bundle = bundle_of(&bytes, image, manifest)?;
        Ok(self.client.small_blob(&self.place, &bundle, bundle::LIMIT)?.into_bytes())
    }
}

impl SignatureSource for RegistrySignatures {
    fn bundles(&self, image: &Digest) -> Result<Vec<Result<Vec<u8>, TrustError>>, TrustError> {
        let referrers = self.client.referrers(&self.place, image, Some(bundle::MEDIA_TYPE))?;
        let mut bundles = Vec::new();
        for referrer in referrers.iter().filter(|referrer| is_promising(referrer)).take(BUNDLES) {
            bundles.push(self.bundle(&referrer.digest, image));
            // A registry that has stopped answering is not waited for once more for each of the rest.
            if matches!(bundles.last(), Some(Err(TrustError::Registry(error))) if error.is_outage()) {
                break;
            }
        }
        Ok(bundles)
    }
}
