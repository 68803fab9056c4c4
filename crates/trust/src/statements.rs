//! Statements about an image that are no signatures of it: its SBOM, its findings, how it was built.
//!
//! Each is signed by whoever can know it: SBOM and findings by the registry that read the layers, provenance by the
//! builder, and nothing of it by the developer. They lie where signatures lie, as Sigstore bundles, which `cosign
//! verify-attestation` reads.

use std::collections::BTreeMap;

use image::client::Client;
use image::{Digest, Reference};
use keys::{Intent, Person, PublicKey, Signer};
use serde_json::Value;
use time::OffsetDateTime;

use crate::artifact::Artifact;
use crate::author::CREATED;
use crate::source::{CONTENT, layer_of};
use crate::statement::{COSIGN_SIGN, PAYLOAD_TYPE, rfc3339};
use crate::{Bundle, Envelope, Published, Statement, Subject, TrustError, bundle};

/// CycloneDX as a predicate.
pub const CYCLONEDX: &str = "https://cyclonedx.org/bom";
/// SPDX as a predicate.
pub const SPDX: &str = "https://spdx.dev/Document";
/// What was found in an image, as `plimsoll scan --format json` writes it.
pub const FINDINGS: &str = "https://plimsoll.dev/findings/v1";
/// How an image was built (SLSA 1.0 and before).
pub const PROVENANCE: [&str; 2] = ["https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2"];

/// Most bytes of a statement. Signatures are read up to [`bundle::LIMIT`] only; what is in a large image takes more.
pub const LIMIT: usize = 24 << 20;
/// Most bytes of the bundle around a statement: its base64 and some more.
pub(crate) const BUNDLE_LIMIT: u64 = 34 << 20;
/// The annotation that names the key of a statement, by its fingerprint: for finding one's own again, and no proof.
pub const STATED_BY: &str = "dev.plimsoll.stated-by";
/// The annotation that names a statement's type, as cosign writes it.
pub use crate::source::PREDICATE;

/// Who has to have signed a statement for it to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The registry's own key.
    Registry,
    /// The builder's.
    Builder,
}

impl Role {
    /// Whose a statement of this type must be; none where it is nobody's in particular.
    pub fn of(predicate_type: &str) -> Option<Self> {
        match predicate_type {
            CYCLONEDX | SPDX | FINDINGS => Some(Self::Registry),
            other if PROVENANCE.contains(&other) => Some(Self::Builder),
            _ => None,
        }
    }
}

/// States something about an image: signs it and writes it beside the image.
pub fn state(
    client: &Client,
    subject: &Subject,
    predicate_type: &str,
    predicate: Value,
    signer: &dyn Signer,
    person: &dyn Person,
    now: OffsetDateTime,
) -> Result<Published, TrustError> {
    let unfit = |reason: &str| TrustError::Unfit { format: "a statement".into(), reason: reason.into() };
    if predicate_type == COSIGN_SIGN {
        return Err(unfit("it would be a signature of the image; make one with: plimsoll sign"));
    }
    let payload = Statement::about(&subject.digest, predicate_type, predicate).to_json();
    if payload.len() > LIMIT {
        return Err(unfit("it is larger than 24 MiB, and verifiers would not read it"));
    }
    person.show(&Intent {
        repository: Some(subject.reference.repository_name()),
        tag: subject.reference.tag.clone(),
        digest: Some(subject.digest.to_string()),
        formats: vec![format!("statement of type {predicate_type}")],
        asked_by: None,
    });
    let key = signer.public_key();
    let envelope = Envelope::sign(PAYLOAD_TYPE, payload, signer, person)?;
    if envelope.signer(std::slice::from_ref(&key)).is_none() {
        return Err(unfit("the key gave a signature that does not hold"));
    }
    let annotations = BTreeMap::from([
        (CONTENT.to_owned(), "dsse-envelope".to_owned()),
        (PREDICATE.to_owned(), predicate_type.to_owned()),
        (CREATED.to_owned(), rfc3339(now)),
        (STATED_BY.to_owned(), key.fingerprint()),
    ]);
    let (kind, media_type) = (bundle::MEDIA_TYPE.to_owned(), bundle::MEDIA_TYPE.to_owned());
    let bytes = Bundle::new(envelope, &key).to_json();
    let written = Artifact { kind, media_type, bytes, annotations }.attach(client, subject)?;
    Ok(Published { format: None, manifest: written.manifest, is_listed: written.is_listed })
}

/// Whether something that lies beside an image is a statement of this type about it by this key. What its annotations say
/// of that is anybody's.
pub fn holds(
    client: &Client,
    place: &Reference,
    referrer: &Digest,
    image: &Digest,
    predicate_type: &str,
    key: &PublicKey,
) -> Result<bool, TrustError> {
    let manifest = client.manifest(place, referrer)?.bytes;
    let layer = layer_of(&manifest, image, referrer)?.digest;
    let bytes = client.small_blob(place, &layer, BUNDLE_LIMIT)?;
    let Ok(bundle) = Bundle::parse_within(&bytes, BUNDLE_LIMIT) else { return Ok(false) };
    let Envelope { payload_type, payload, .. } = &bundle.envelope;
    let is_signed = payload_type == PAYLOAD_TYPE && bundle.envelope.signer(std::slice::from_ref(key)).is_some();
    Ok(is_signed && Statement::states(&payload.0, image, predicate_type))
}
