//! An image in a registry.

use std::fmt;
use std::io::Read;

use super::{Client, ClientError, Manifest};
use crate::source::SourceError;
use crate::source::{Fetch, Part, Request, resolve};
use crate::{Digest, Image, ImageSource, Platform, Reference};

/// An image in a registry, resolved. Its layers are streamed as they are asked for.
#[derive(Clone)]
pub struct RegistrySource {
    client: Client,
    reference: Reference,
    image: Image,
}

impl RegistrySource {
    /// Resolves a reference to one platform's image: for the host's where none is named.
    pub fn open(client: &Client, reference: &Reference, platform: Option<&Platform>) -> Result<Self, SourceError> {
        Self::of(client, reference, client.resolve(reference)?, platform)
    }

    /// The same, for whoever only looks: also where the registry keeps the tag back (with its reason), whose image can be had by
    /// its digest.
    pub fn open_pending(
        client: &Client,
        reference: &Reference,
        platform: Option<&Platform>,
    ) -> Result<(Self, Option<ClientError>), SourceError> {
        let (top, held) = client.resolve_pending(reference)?;
        Ok((Self::of(client, reference, top, platform)?, held))
    }

    fn of(
        client: &Client,
        reference: &Reference,
        top: Manifest,
        platform: Option<&Platform>,
    ) -> Result<Self, SourceError> {
        let name = reference.to_string();
        let request = Request { name: &name, reference: Some(reference), platform };
        let parts = Parts { client, reference };
        let image = resolve(request, top.bytes, top.media_type.as_deref(), &parts)?;
        Ok(Self { client: client.clone(), reference: reference.clone(), image })
    }
}

impl ImageSource for RegistrySource {
    fn image(&self) -> &Image {
        &self.image
    }

    fn open_layer(&self, index: usize) -> Result<Box<dyn Read + Send>, SourceError> {
        let what = || format!("layer {index} of {}", self.image.name);
        let layer = self.image.layers.get(index).ok_or_else(|| SourceError::NotFound {
            what: what(),
            place: self.reference.registry.clone(),
            hint: format!("the image has {} layers", self.image.layers.len()),
        })?;
        let blob = layer.blob.as_ref().ok_or_else(|| SourceError::Malformed {
            what: what(),
            reason: "its manifest names no blob for it".into(),
        })?;
        Ok(Box::new(self.client.blob(&self.reference, blob, layer.size)?))
    }
}

/// Manifests and configs by digest, for [`resolve`], which checks them.
struct Parts<'a> {
    client: &'a Client,
    reference: &'a Reference,
}

impl Fetch for Parts<'_> {
    fn fetch(&self, part: Part, digest: &Digest, limit: u64) -> Result<Vec<u8>, SourceError> {
        let bytes = match part {
            Part::Manifest => self.client.manifest(self.reference, digest)?.bytes,
            Part::Config => self.client.small_blob(self.reference, digest, limit)?,
        };
        Ok(bytes.into_bytes())
    }
}

impl From<ClientError> for SourceError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Digest(mismatch) => Self::Digest(mismatch),
            other => Self::Remote(Box::new(other)),
        }
    }
}

impl fmt::Debug for RegistrySource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RegistrySource").field("image", &self.image.name).finish_non_exhaustive()
    }
}
