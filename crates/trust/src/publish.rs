//! The second half of signing: what was signed is checked once more and written beside the image.

use image::client::Client;
use keys::{PublicKey, SignedArtifact};

use crate::artifact::{Artifact, Written};
use crate::error::short;
use crate::{Format, Subject, TrustError, Verifier, attested, bundle, cosign_tag, notation, source};

/// A signature that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its format; none where it is no signature but a key's attestation.
    pub format: Option<Format>,
    /// The manifest that holds it.
    pub manifest: image::Digest,
    /// Whether the registry lists it by itself; else it lies under a tag.
    pub is_listed: bool,
}

/// Writes signatures of `subject` beside it. They may come from an agent: each must hold for `key` and this image as it
/// is read back, or none is written.
pub fn publish(
    client: &Client,
    subject: &Subject,
    artifacts: &[SignedArtifact],
    key: &PublicKey,
) -> Result<Vec<Published>, TrustError> {
    let verifier = Verifier::new(vec![key.clone()]);
    let checked = artifacts.iter().map(|artifact| Checked::new(artifact, subject, key, &verifier));
    let checked = checked.collect::<Result<Vec<_>, _>>()?;
    checked.into_iter().map(|artifact| artifact.write(client, subject)).collect()
}

/// An artifact whose signature holds, or an attestation of the signer's key.
struct Checked<'a> {
    format: Option<Format>,
    artifact: &'a SignedArtifact,
}

impl<'a> Checked<'a> {
    fn new(
        artifact: &'a SignedArtifact,
        subject: &Subject,
        key: &PublicKey,
        verifier: &Verifier,
    ) -> Result<Self, TrustError> {
        let unfit = |reason: String| TrustError::Unfit { format: short(&artifact.format), reason };
        if artifact.format == attested::FORMAT {
            let (attested, _) = attested::parse(&artifact.bytes).map_err(unfit)?;
            if attested != *key {
                return Err(unfit(format!("it is for another key, {}", attested.fingerprint())));
            }
            return Ok(Self { format: None, artifact });
        }
        let format: Format = artifact.format.parse().map_err(|error| unfit(format!("{error}")))?;
        let found = source::of_artifact(format, artifact).map_err(unfit)?;
        let repository = subject.reference.repository_name();
        verifier.check(&found, &subject.digest, Some(&repository)).map_err(|rejection| unfit(rejection.to_string()))?;
        Ok(Self { format: Some(format), artifact })
    }

    fn write(self, client: &Client, subject: &Subject) -> Result<Published, TrustError> {
        let Self { format, artifact } = self;
        let SignedArtifact { bytes, annotations, .. } = artifact.clone();
        let (kind, media_type) = match format {
            Some(Format::CosignTag) => {
                let Written { manifest, is_listed } =
                    cosign_tag::append(client, &subject.reference, &subject.digest, &bytes, &annotations)?;
                return Ok(Published { format, manifest, is_listed });
            }
            Some(Format::Bundle) => (bundle::MEDIA_TYPE, bundle::MEDIA_TYPE),
            Some(Format::Notation) => (notation::ARTIFACT_TYPE, notation::JWS),
            None => (attested::MEDIA_TYPE, attested::MEDIA_TYPE),
        };
        let (kind, media_type) = (kind.to_owned(), media_type.to_owned());
        let artifact = Artifact { kind, media_type, bytes, annotations };
        let Written { manifest, is_listed } = artifact.attach(client, subject)?;
        Ok(Published { format, manifest, is_listed })
    }
}
