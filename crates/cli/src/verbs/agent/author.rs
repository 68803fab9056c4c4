//! Who writes what the agent signs: each request is looked up in its registry with the caller's login there.

use image::Reference;
use keys::{Author, Draft, ImageRequest, KeyError, Signer};
use trust::RegistryAuthor;

use crate::registries::Registries;

/// Looks each request up with the login that the agent's user has for its registry now.
#[derive(Debug)]
pub(super) struct EachRegistry(pub(super) Registries);

impl Author for EachRegistry {
    fn draft(&self, request: &ImageRequest, signer: &dyn Signer) -> Result<Box<dyn Draft>, KeyError> {
        let reference: Reference = request.repository.parse().map_err(|error| KeyError::Draft {
            what: request.repository.chars().take(200).collect(),
            reason: format!("{error}"),
        })?;
        RegistryAuthor::new(self.0.clone().logins([&reference]).client()).draft(request, signer)
    }
}
