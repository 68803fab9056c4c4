//! Signing an image in its registry.

use std::collections::BTreeMap;

use image::client::{Client, Manifest, Pushed, Referrer};
use image::{Digest, Reference, Verified};
use keys::{Person, Signer};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::source::{CONTENT, PREDICATE};
use crate::statement::{COSIGN_SIGN, PAYLOAD_TYPE};
use crate::{Bundle, Envelope, Statement, TrustError, bundle};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
/// The config of an artifact that has none (OCI image-spec, "Guidance for an Empty Descriptor").
const EMPTY: &[u8] = b"{}";

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

/// A signature that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The manifest that holds it.
    pub manifest: Digest,
    /// Whether the registry lists it by itself; else it was listed under the fallback tag.
    pub is_listed: bool,
}

impl Subject {
    /// Asks the registry what a reference names.
    pub fn resolve(client: &Client, reference: &Reference) -> Result<Self, TrustError> {
        let Manifest { bytes, media_type } = client.resolve(reference)?;
        // What the document says of itself goes before the header: it is what the digest covers.
        let own = serde_json::from_slice::<serde_json::Value>(&bytes)
            .ok()
            .and_then(|value| value.get("mediaType")?.as_str().map(str::to_owned));
        Ok(Self {
            reference: reference.clone(),
            digest: bytes.digest().clone(),
            media_type: own.or(media_type).unwrap_or_else(|| MANIFEST.into()),
            size: bytes.len() as u64,
        })
    }
}

/// Signs an image: the signature is written to the image's repository as a referrer of it.
pub fn sign(
    client: &Client,
    subject: &Subject,
    signer: &dyn Signer,
    person: &dyn Person,
    now: OffsetDateTime,
) -> Result<Signed, TrustError> {
    let Subject { reference, digest, .. } = subject;
    let statement = Statement::of_image(digest, reference);
    let envelope = Envelope::sign(PAYLOAD_TYPE, statement.to_json(), signer, person)?;
    let bundle = Verified::name(Bundle::new(envelope, &signer.public_key()).to_json());
    let empty = Digest::sha256(EMPTY);
    for (digest, bytes) in [(&empty, EMPTY), (bundle.digest(), &bundle)] {
        client.push_blob(reference, digest, bytes.len() as u64, &mut &bytes[..])?;
    }
    let annotations = BTreeMap::from([
        (CONTENT.to_owned(), "dsse-envelope".to_owned()),
        (PREDICATE.to_owned(), COSIGN_SIGN.to_owned()),
        ("org.opencontainers.image.created".to_owned(), rfc3339(now)),
    ]);
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": bundle::MEDIA_TYPE,
        "config": { "mediaType": EMPTY_TYPE, "digest": empty, "size": EMPTY.len() },
        "layers": [{ "mediaType": bundle::MEDIA_TYPE, "digest": bundle.digest(), "size": bundle.len() }],
        "annotations": annotations,
        "subject": { "mediaType": subject.media_type, "digest": digest, "size": subject.size },
    });
    let manifest = Verified::name(manifest.to_string().into_bytes());
    let referrer = Referrer {
        digest: manifest.digest().clone(),
        size: manifest.len() as u64,
        media_type: MANIFEST.into(),
        artifact_type: Some(bundle::MEDIA_TYPE.into()),
        annotations,
    };
    let Pushed { knows_referrers } = client.push_referrer(reference, digest, &referrer, &manifest)?;
    Ok(Signed { manifest: referrer.digest, is_listed: knows_referrers })
}

fn rfc3339(time: OffsetDateTime) -> String {
    let whole = time.to_offset(time::UtcOffset::UTC).replace_nanosecond(0).unwrap_or(time);
    whole.format(&Rfc3339).unwrap_or_default()
}
