//! Taking signatures away, for those who do not read revocation lists.

use image::client::{Change, Client, ClientError};
use image::{Digest, Reference, Verified};
use keys::PublicKey;

use crate::artifact::MANIFEST;
use crate::source::is_promising;
use crate::{Content, Found, RegistrySignatures, SignatureSource as _, TrustError, Verifier, attested, cosign_tag};

/// Something that was taken away, or could not be.
#[derive(Debug)]
pub struct Withdrawn {
    /// The manifest, or the tag of cosign's older signatures.
    pub what: String,
    /// Whether it is gone.
    pub result: Result<(), TrustError>,
}

/// Removes everything beside an image that is a signature of it in any format, by whomever. What belongs to keys and what
/// is about the image without being a signature stays.
pub fn all(client: &Client, place: &Reference, image: &Digest) -> Result<Vec<Withdrawn>, TrustError> {
    let mut withdrawn = Vec::new();
    let referrers = client.referrers(place, image, None)?;
    let is_signature = |kind: Option<&str>| kind.is_some_and(|kind| kind != attested::MEDIA_TYPE);
    for referrer in referrers.iter().filter(|referrer| is_promising(referrer)) {
        if is_signature(referrer.artifact_type.as_deref()) {
            withdrawn.push(remove(client, place, image, &referrer.digest));
        }
    }
    let tag = cosign_tag::tag(image);
    match client.tagged(place, &tag) {
        Ok(_) => withdrawn.push(Withdrawn { what: format!("tag {tag}"), result: clear(client, place, &tag) }),
        Err(error) if error.is_not_found() => {}
        Err(error) => withdrawn.push(Withdrawn { what: format!("tag {tag}"), result: Err(error.into()) }),
    }
    Ok(withdrawn)
}

/// Removes the signatures of an image that a key made; those by others stay.
pub fn by_key(
    client: &Client,
    place: &Reference,
    image: &Digest,
    key: &PublicKey,
) -> Result<Vec<Withdrawn>, TrustError> {
    let verifier = Verifier::new(vec![key.clone()]);
    let source = RegistrySignatures::new(client.clone(), place.clone());
    let is_theirs = |found: &Found| verifier.check(found, image, None).is_ok();
    let (mut withdrawn, mut tagged) = (Vec::new(), Vec::new());
    for found in source.found(image)?.into_iter().flatten().filter(is_theirs) {
        match found.content {
            Content::Simple { signature, .. } => tagged.push(signature),
            _ => withdrawn.push(remove(client, place, image, &found.manifest)),
        }
    }
    if !tagged.is_empty() {
        let result = untag(client, place, image, &tagged);
        withdrawn.push(Withdrawn { what: format!("{} under tag {}", tagged.len(), cosign_tag::tag(image)), result });
    }
    Ok(withdrawn)
}

fn remove(client: &Client, place: &Reference, image: &Digest, manifest: &Digest) -> Withdrawn {
    let result = client.delete_referrer(place, image, manifest).map_err(TrustError::from);
    Withdrawn { what: manifest.to_string(), result }
}

/// Writes the older tag without these signatures; where none is left, it goes.
fn untag(client: &Client, place: &Reference, image: &Digest, signatures: &[Vec<u8>]) -> Result<(), TrustError> {
    let tag = cosign_tag::tag(image);
    let mut is_empty = false;
    client.change_tag(place, &tag, image, |present| {
        let Some(present) = present else { return Ok::<_, TrustError>(Change::Keep) };
        let Some((left, manifest)) = cosign_tag::without(client, place, &present.bytes, signatures)? else {
            return Ok(Change::Keep);
        };
        is_empty = left == 0;
        // A manifest without layers is none for some readers; the whole tag goes below.
        Ok(if is_empty { Change::Keep } else { Change::Write(MANIFEST, manifest) })
    })?;
    if is_empty { clear(client, place, &tag) } else { Ok(()) }
}

/// Takes the older tag away. Where a registry deletes nothing (docker-registry, unless it is told to), what the tag points to has
/// no signature from then on.
fn clear(client: &Client, place: &Reference, tag: &str) -> Result<(), TrustError> {
    match client.delete_tag(place, tag) {
        Err(ClientError::Status { status: 405, .. }) => {
            let empty = Verified::name(cosign_tag::empty(client, place)?);
            client.push_manifest(place, Some(tag), MANIFEST, &empty)?;
            Ok(())
        }
        other => Ok(other?),
    }
}
