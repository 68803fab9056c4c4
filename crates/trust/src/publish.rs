//! The second half of signing: what was signed is checked once more and written beside the image.

use image::client::Client;
use keys::{PublicKey, SignedArtifact};

use crate::artifact::{Artifact, Written};
use crate::{Format, Subject, TrustError, Verifier, bundle, cosign_tag};

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
    let checked = artifacts.iter().map(|artifact| Checked::new(artifact, subject, &verifier));
    let checked = checked.collect::<Result<Vec<_>, _>>()?;
    checked.into_iter().map(|artifact| artifact.write(client, subject)).collect()
}

/// An artifact whose signature holds.
struct Checked<'a> {
    format: Format,
    artifact: &'a SignedArtifact,
}

impl<'a> Checked<'a> {
    fn new(artifact: &'a SignedArtifact, subject: &Subject, verifier: &Verifier) -> Result<Self, TrustError> {
        let unfit = |reason: String| TrustError::Unfit { format: crate::error::short(&artifact.format), reason };
        let format: Format = artifact.format.parse().map_err(|error| unfit(format!("{error}")))?;
        let found = crate::source::of_artifact(format, artifact).map_err(unfit)?;
        let repository = subject.reference.repository_name();
        verifier.check(&found, &subject.digest, Some(&repository)).map_err(|rejection| unfit(rejection.to_string()))?;
        Ok(Self { format, artifact })
    }

    fn write(self, client: &Client, subject: &Subject) -> Result<Published, TrustError> {
        let Self { format, artifact } = self;
        let SignedArtifact { bytes, annotations, .. } = artifact.clone();
        let Written { manifest, is_listed } = match format {
            Format::Bundle => {
                let (artifact_type, media_type) = (bundle::MEDIA_TYPE.to_owned(), bundle::MEDIA_TYPE.to_owned());
                Artifact { artifact_type, media_type, bytes, annotations }.attach(client, subject)?
            }
            Format::CosignTag => cosign_tag::append(client, &subject.reference, &subject.digest, &bytes, &annotations)?,
            Format::Notation => unreachable!(),
        };
        Ok(Published { format: Some(format), manifest, is_listed })
    }
}
