//! Manifests: by name, by digest, and written.

use std::time::Duration;

use ureq::http::{HeaderValue, Method, header};

use super::error::ClientError;
use super::exchange::{Answer, Order, Place};
use super::transport::{Patience, Payload};
use super::{Client, Pushed};
use crate::source::{MANIFEST_BYTES, MANIFEST_MEDIA_TYPES};
use crate::{Digest, Reference, Verified};

/// A manifest or index as a registry has it.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Its bytes, which match the digest that named them, or the one that the registry named for the tag.
    pub bytes: Verified,
    /// The media type that the registry says.
    pub media_type: Option<String>,
    /// What the registry calls this version of what a tag holds (`ETag`), where it does.
    pub(super) version: Option<String>,
}

/// Pauses before a manifest is written again that names a blob which its registry does not see at this moment.
const BLINK: Duration = Duration::from_millis(50);
const LONGEST_BLINK: Duration = Duration::from_millis(800);

impl Client {
    /// The manifest that a reference names: by its digest where it has one, else by its tag.
    pub fn resolve(&self, reference: &Reference) -> Result<Manifest, ClientError> {
        match (&reference.digest, &reference.tag) {
            (Some(digest), _) => self.manifest(reference, digest),
            (None, tag) => self.tagged(reference, tag.as_deref().unwrap_or("latest")),
        }
    }

    /// The same for who reads it to sign or to judge it: what a tag points to that the registry keeps back until it is
    /// signed, with what the registry says of that. Who names a digest wants no other.
    pub fn resolve_pending(&self, reference: &Reference) -> Result<(Manifest, Option<ClientError>), ClientError> {
        let held = match self.resolve(reference) {
            Err(held) if reference.digest.is_none() => held,
            other => return Ok((other?, None)),
        };
        match &held {
            ClientError::Denied { points_to: Some(digest), .. } => Ok((self.manifest(reference, digest)?, Some(held))),
            _ => Err(held),
        }
    }

    /// The manifest with a digest, in the repository of `reference`.
    pub fn manifest(&self, reference: &Reference, digest: &Digest) -> Result<Manifest, ClientError> {
        let what = format!("manifest {digest} of {}/{}", reference.registry, reference.repository);
        let answer = self.get_manifest(reference, digest.as_str(), &format!("read {what}"))?;
        let media_type = answer.header("content-type").map(str::to_owned);
        let bytes = Verified::check(answer.bytes(MANIFEST_BYTES)?, digest, &what)?;
        Ok(Manifest { bytes, media_type, version: None })
    }

    /// The manifest that a tag points to, in the repository of `reference`.
    pub fn tagged(&self, reference: &Reference, tag: &str) -> Result<Manifest, ClientError> {
        let what = format!("manifest of {}/{}:{tag}", reference.registry, reference.repository);
        let answer = self.get_manifest(reference, tag, &format!("read {what}"))?;
        let media_type = answer.header("content-type").map(str::to_owned);
        let version = answer.header("etag").map(str::to_owned);
        // The registry's word is no proof, but when its own bytes do not match it something broke on the way.
        let said = answer.header("docker-content-digest").and_then(|text| text.parse::<Digest>().ok());
        let bytes = answer.bytes(MANIFEST_BYTES)?;
        let bytes = match said {
            Some(said) => Verified::check(bytes, &said, &what)?,
            None => Verified::name(bytes),
        };
        Ok(Manifest { bytes, media_type, version })
    }

    /// The digest that a tag points to, asked by someone who expects `expected`.
    ///
    /// A registry may keep an image back until it is signed. Whoever names the digest already is told that the tag points
    /// to it all the same (`If-None-Match`, 304): a signer has to know.
    pub fn tag_digest(&self, reference: &Reference, tag: &str, expected: &Digest) -> Result<Digest, ClientError> {
        let what = format!("manifest of {}/{}:{tag}", reference.registry, reference.repository);
        let action = format!("read {what}");
        let condition = HeaderValue::from_str(&format!("\"{expected}\"")).map_err(|_| ClientError::Protocol {
            action: action.clone(),
            registry: reference.registry.clone(),
            reason: "its digest cannot stand in a header".into(),
        })?;
        let order = Order {
            registry: &reference.registry,
            method: Method::GET,
            place: Place::Path(vec![&reference.repository, "manifests", tag], None),
            scope: pull_scope(reference),
            headers: vec![(header::ACCEPT, accepted()), (header::IF_NONE_MATCH, condition)],
            patience: Patience::Small,
            action: &action,
        };
        let answer = self.exchange(&order, Payload::None)?.expect(self, &[200, 304])?;
        if answer.status() == 304 {
            return Ok(expected.clone());
        }
        Ok(Verified::name(answer.bytes(MANIFEST_BYTES)?).digest().clone())
    }

    /// Writes a manifest under a tag, or under its own digest where no tag is given. What it names must be there.
    pub fn push_manifest(
        &self,
        reference: &Reference,
        tag: Option<&str>,
        media_type: &str,
        bytes: &Verified,
    ) -> Result<Pushed, ClientError> {
        self.replace_manifest(reference, tag.unwrap_or(bytes.digest().as_str()), media_type, bytes, None)
    }

    /// Writes a manifest, where its place has still the version that was read.
    pub(super) fn replace_manifest(
        &self,
        reference: &Reference,
        target: &str,
        media_type: &str,
        bytes: &Verified,
        version: Option<&str>,
    ) -> Result<Pushed, ClientError> {
        let action = format!("write manifest {target} to {}/{}", reference.registry, reference.repository);
        let media_type = HeaderValue::from_str(media_type).map_err(|_| ClientError::Protocol {
            action: action.clone(),
            registry: reference.registry.clone(),
            reason: "its media type has characters that HTTP cannot carry".into(),
        })?;
        let mut headers = vec![(header::CONTENT_TYPE, media_type)];
        headers.extend(version.and_then(|version| Some((header::IF_MATCH, HeaderValue::from_str(version).ok()?))));
        let order = Order {
            registry: &reference.registry,
            method: Method::PUT,
            place: Place::Path(vec![&reference.repository, "manifests", target], None),
            scope: push_scope(reference),
            headers,
            patience: Patience::Small,
            action: &action,
        };
        let mut pause = BLINK;
        loop {
            match self.exchange(&order, Payload::Bytes(bytes))?.expect(self, &[201, 200, 202]) {
                Ok(answer) => return Ok(Pushed { knows_referrers: answer.header("oci-subject").is_some() }),
                Err(error) if is_blink(&error) && pause <= LONGEST_BLINK => {
                    std::thread::sleep(pause);
                    pause *= 2;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Deletes a manifest by its digest. One that is not there any more is deleted.
    pub fn delete_manifest(&self, reference: &Reference, digest: &Digest) -> Result<(), ClientError> {
        self.delete(reference, digest.as_str())
    }

    /// Takes a tag away. Registries older than distribution-spec 1.1 delete by digest alone: there, what the tag points to
    /// is deleted.
    pub fn delete_tag(&self, reference: &Reference, tag: &str) -> Result<(), ClientError> {
        match self.delete(reference, tag) {
            Err(ClientError::Status { status: 400 | 405, .. }) => match self.tagged(reference, tag) {
                Ok(present) => self.delete_manifest(reference, present.bytes.digest()),
                Err(error) if error.is_not_found() => Ok(()),
                Err(error) => Err(error),
            },
            other => other,
        }
    }

    fn delete(&self, reference: &Reference, target: &str) -> Result<(), ClientError> {
        let action = format!("delete manifest {target} of {}/{}", reference.registry, reference.repository);
        let order = Order {
            registry: &reference.registry,
            method: Method::DELETE,
            place: Place::Path(vec![&reference.repository, "manifests", target], None),
            scope: format!("repository:{}:pull,delete", reference.repository),
            headers: vec![],
            patience: Patience::Small,
            action: &action,
        };
        self.exchange(&order, Payload::None)?.expect(self, &[202, 200, 204, 404])?;
        Ok(())
    }

    fn get_manifest(&self, reference: &Reference, target: &str, action: &str) -> Result<Answer, ClientError> {
        let order = Order {
            registry: &reference.registry,
            method: Method::GET,
            place: Place::Path(vec![&reference.repository, "manifests", target], None),
            scope: pull_scope(reference),
            headers: vec![(header::ACCEPT, accepted())],
            patience: Patience::Small,
            action,
        };
        self.exchange(&order, Payload::None)?.expect(self, &[200])
    }
}

fn accepted() -> HeaderValue {
    HeaderValue::from_str(&MANIFEST_MEDIA_TYPES.join(", ")).unwrap_or_else(|_| HeaderValue::from_static("*/*"))
}

pub(super) fn pull_scope(reference: &Reference) -> String {
    format!("repository:{}:pull", reference.repository)
}

pub(super) fn push_scope(reference: &Reference) -> String {
    format!("repository:{}:pull,push", reference.repository)
}
/// docker-registry writes the link to a blob anew when somebody uploads one that is there already (the empty config that all
/// signatures have), and does not see the blob while it does.
fn is_blink(error: &ClientError) -> bool {
    matches!(error, ClientError::Status { status: 400, detail, .. } if detail.contains("BLOB_UNKNOWN"))
}
