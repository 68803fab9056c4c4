//! Signing an image in its registry.

use image::client::Client;
use image::{Digest, Reference};
use keys::{Algorithm, Author as _, ImageRequest, Person, Signer};
use time::OffsetDateTime;

use crate::artifact::MANIFEST;
use crate::author::RegistryAuthor;
use crate::{Certified, Format, Published, TrustError, publish};

/// What is to be signed: the manifest or index that a reference names, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// How it was named.
    pub reference: Reference,
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
}

impl Subject {
    /// Asks the registry what a reference names.
    pub fn resolve(client: &Client, reference: &Reference) -> Result<Self, TrustError> {
        let (manifest, _) = client.resolve_pending(reference)?;
        // What the document says of itself goes before the header: it is what the digest covers.
        let own = serde_json::from_slice::<serde_json::Value>(&manifest.bytes)
            .ok()
            .and_then(|value| value.get("mediaType")?.as_str().map(str::to_owned));
        Ok(Self {
            reference: reference.clone(),
            digest: manifest.bytes.digest().clone(),
            media_type: own.or(manifest.media_type).unwrap_or_else(|| MANIFEST.into()),
            size: manifest.bytes.len() as u64,
        })
    }

    /// The request to sign it, for an [`keys::Author`].
    pub fn request(&self, formats: &[Format]) -> ImageRequest {
        ImageRequest {
            repository: self.reference.repository_name(),
            tag: self.reference.tag.clone(),
            digest: self.digest.to_string(),
            formats: formats.iter().map(|format| format.as_str().to_owned()).collect(),
        }
    }
}

/// Signs an image in these formats with one batch, and writes the signatures beside it: the author's half and
/// [`publish`] in one, for a key that is at hand. `person` is shown what is signed before the key is asked.
pub fn sign(
    client: &Client,
    subject: &Subject,
    formats: &[Format],
    signer: &dyn Signer,
    person: &dyn Person,
    now: OffsetDateTime,
) -> Result<Vec<Published>, TrustError> {
    let wants_certificate = formats.contains(&Format::Notation) && signer.certificate()?.is_none();
    if wants_certificate && signer.public_key().algorithm() != Algorithm::Ed25519 {
        let signer = Certified::make(signer, person, now)?;
        return sign(client, subject, formats, &signer, person, now);
    }
    let author = RegistryAuthor::new(client.clone()).at(now);
    let draft = author.draft(&subject.request(formats), signer)?;
    person.show(&draft.intent());
    let signatures = signer.sign(&draft.messages(), person)?;
    let artifacts = draft.finish(signatures)?;
    publish(client, subject, &artifacts, &signer.public_key())
}
