//! The first half of signing: what is signed is fetched, checked and built here, apart from the key and from whoever
//! asks for it.

use std::collections::BTreeMap;

use image::client::Client;
use image::{Digest, Reference};
use keys::{
    Algorithm, Author, Draft, Hash, ImageRequest, Intent, KeyError, Message, PublicKey, Scheme, Signature,
    SignedArtifact, Signer,
};
use time::OffsetDateTime;

use crate::error::short;
use crate::source::{CONTENT, PREDICATE};
use crate::statement::{COSIGN_SIGN, PAYLOAD_TYPE, rfc3339};
use crate::{Bundle, Envelope, Format, Statement, Subject, TrustError, attested, dsse, notation, simple_signing};

/// Writes what is signed about images, out of the registry that has them.
#[derive(Clone, Debug)]
pub struct RegistryAuthor {
    client: Client,
    time: Option<OffsetDateTime>,
}

impl RegistryAuthor {
    /// An author that reads manifests with `client`.
    pub fn new(client: Client) -> Self {
        Self { client, time: None }
    }

    /// The same, for whom it is always `time`.
    #[must_use]
    pub fn at(self, time: OffsetDateTime) -> Self {
        Self { time: Some(time), ..self }
    }

    /// What a request names, as the registry has it now: it must serve exactly this digest, and the tag, where one is
    /// named, must point to it.
    fn subject(&self, request: &ImageRequest) -> Result<Subject, KeyError> {
        let refused = |reason: String| KeyError::Draft { what: what(request), reason };
        let reference = reference(request)?;
        let registry = |error: TrustError| refused(error.to_string());
        let digest = reference.digest.clone().ok_or_else(|| refused("the request has no digest".into()))?;
        if let Some(tag) = &reference.tag {
            // By its digest, which a registry confirms of an image that it keeps back until it is signed.
            let found = self.client.tag_digest(&reference, tag, &digest).map_err(|error| registry(error.into()))?;
            if found != digest {
                return Err(refused(format!(
                    "the tag {tag} points to {found} now; somebody else has pushed since, or the digest is wrong"
                )));
            }
        }
        Subject::resolve(&self.client, &reference).map_err(registry)
    }
}

impl Author for RegistryAuthor {
    fn draft(&self, request: &ImageRequest, signer: &dyn Signer) -> Result<Box<dyn Draft>, KeyError> {
        let refused = |reason: String| KeyError::Draft { what: what(request), reason };
        let mut formats = Vec::new();
        for word in &request.formats {
            let format = word.parse::<Format>().map_err(|error| refused(error.to_string()))?;
            if !formats.contains(&format) {
                formats.push(format);
            }
        }
        if formats.is_empty() {
            return Err(refused("no format is asked for; there are bundle, cosign-tag and notation".into()));
        }
        let subject = self.subject(request)?;
        let now = self.time.unwrap_or_else(OffsetDateTime::now_utc);
        let key = signer.public_key();
        let parts = formats.into_iter().map(|format| Part::new(format, &subject, signer, now));
        let parts = parts.collect::<Result<Vec<_>, _>>().map_err(refused)?;
        let attestation = match signer.attestation()? {
            Some(attestation) => {
                attested::check_key(&attestation, &key).map_err(refused)?;
                Some(attested::artifact(&attestation, &key).map_err(refused)?)
            }
            None => None,
        };
        let intent = Intent {
            repository: Some(request.repository.clone()),
            tag: subject.reference.tag.clone(),
            digest: Some(subject.digest.to_string()),
            formats: parts.iter().map(|part| part.format.title().to_owned()).collect(),
            asked_by: None,
        };
        Ok(Box::new(ImageDraft { intent, what: what(request), key, parts, attestation, now }))
    }
}

/// What a request names, checked for saying nothing beside: a repository that carries a tag of its own would be shown
/// as something else than it is.
fn reference(request: &ImageRequest) -> Result<Reference, KeyError> {
    let ImageRequest { repository, tag, digest, .. } = request;
    let refused = |reason: String| KeyError::Draft { what: what(request), reason };
    let digest: Digest = digest.parse().map_err(|error| refused(format!("{error}")))?;
    let plain: Reference = format!("{repository}@{digest}").parse().map_err(|error| refused(format!("{error}")))?;
    if plain.tag.is_some() || plain.digest.as_ref() != Some(&digest) || plain.repository_name() != *repository {
        let whole = plain.repository_name();
        return Err(refused(format!("{:?} is no whole name of a repository; write {whole}", short(repository))));
    }
    let Some(tag) = tag else { return Ok(plain) };
    let tagged: Reference =
        format!("{repository}:{tag}@{digest}").parse().map_err(|error| refused(format!("{error}")))?;
    if tagged.tag.as_ref() != Some(tag) || tagged.repository != plain.repository {
        return Err(refused(format!("{:?} is no tag", short(tag))));
    }
    Ok(tagged)
}

fn what(request: &ImageRequest) -> String {
    let tag = request.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
    short(format!("{}{tag}@{}", request.repository, request.digest))
}

/// What is signed for one format.
struct Part {
    format: Format,
    content: Unsigned,
    /// The hash inside the signature, where it is not the one that goes with the key.
    hash: Option<Hash>,
}

/// The bytes that are signed, and what is kept.
enum Unsigned {
    /// The payload of a bundle, and the bytes that are signed for it.
    Statement { payload: Vec<u8>, message: Vec<u8> },
    /// What is signed and kept alike.
    Simple(Vec<u8>),
    /// A JWS without its signature.
    Notation(notation::Unsigned),
}

impl Part {
    /// Builds the bytes, and reads them back as a verifier will.
    fn new(format: Format, subject: &Subject, signer: &dyn Signer, now: OffsetDateTime) -> Result<Self, String> {
        let Subject { reference, digest, .. } = subject;
        let algorithm = signer.public_key().algorithm();
        // Sigstore's registry of algorithms pairs P-384 with SHA-384, but `cosign verify` checks with SHA-256 unless it
        // is told otherwise, and every verifier reads that.
        let sigstore = (algorithm == Algorithm::EcdsaP384).then_some(Hash::Sha256);
        match format {
            Format::Bundle => {
                let payload = Statement::of_image(digest, reference).signed_at(now).to_json();
                Statement::said_of(&payload, digest).map_err(|error| error.to_string())?;
                let message = dsse::pre_authentication_encoding(PAYLOAD_TYPE, &payload);
                Ok(Self { format, content: Unsigned::Statement { payload, message }, hash: sigstore })
            }
            Format::CosignTag => {
                let payload = simple_signing::payload(digest, reference, now);
                let own = reference.repository_name();
                simple_signing::said_of(&payload, digest, Some(&own)).map_err(|error| error.to_string())?;
                Ok(Self { format, content: Unsigned::Simple(payload), hash: sigstore })
            }
            Format::Notation => {
                let certificate = signer.certificate().map_err(|error| error.to_string())?;
                if let Some(certificate) = &certificate {
                    let certified = keys::certificate::key_of(certificate).map_err(|error| error.to_string())?;
                    if certified != signer.public_key() {
                        return Err(format!("the key's certificate is for another key, {}", certified.fingerprint()));
                    }
                }
                let unsigned = notation::unsigned(subject, algorithm, certificate.into_iter().collect(), now)?;
                let hash = Some(unsigned.hash());
                Ok(Self { format, content: Unsigned::Notation(unsigned), hash })
            }
        }
    }

    fn message(&self) -> Message<'_> {
        let bytes = match &self.content {
            Unsigned::Statement { message, .. } => message,
            Unsigned::Simple(payload) => payload,
            Unsigned::Notation(unsigned) => unsigned.message(),
        };
        Message { bytes, hash: self.hash }
    }

    fn finish(self, key: &PublicKey, signature: Signature, now: OffsetDateTime) -> Result<SignedArtifact, KeyError> {
        let scheme = match (key.algorithm().scheme(), self.hash) {
            (Scheme::Ecdsa(_), Some(hash)) => Scheme::Ecdsa(hash),
            (scheme, _) => scheme,
        };
        key.verify_with(scheme, self.message().bytes, signature.as_bytes())?;
        let format = self.format.as_str().to_owned();
        let created = (CREATED.to_owned(), rfc3339(now));
        match self.content {
            Unsigned::Statement { payload, .. } => Ok(SignedArtifact {
                format,
                bytes: Bundle::new(Envelope::of(PAYLOAD_TYPE, payload, signature), key).to_json(),
                annotations: BTreeMap::from([
                    (CONTENT.to_owned(), "dsse-envelope".to_owned()),
                    (PREDICATE.to_owned(), COSIGN_SIGN.to_owned()),
                    created,
                ]),
            }),
            Unsigned::Simple(bytes) => Ok(SignedArtifact {
                format,
                bytes,
                annotations: BTreeMap::from([(simple_signing::SIGNATURE.to_owned(), base64_of(signature.as_bytes()))]),
            }),
            Unsigned::Notation(unsigned) => {
                let failed = |reason| KeyError::Draft { what: "as notation does".into(), reason };
                Ok(SignedArtifact {
                    format,
                    bytes: unsigned.signed(&signature).map_err(failed)?,
                    annotations: BTreeMap::from([(notation::THUMBPRINTS.to_owned(), unsigned.thumbprints()), created]),
                })
            }
        }
    }
}

/// When an artifact was made (OCI image-spec, "Pre-Defined Annotation Keys").
pub(crate) const CREATED: &str = "org.opencontainers.image.created";

fn base64_of(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.encode(bytes)
}

/// What is signed about an image, in all wanted formats.
struct ImageDraft {
    intent: Intent,
    what: String,
    key: PublicKey,
    parts: Vec<Part>,
    attestation: Option<SignedArtifact>,
    now: OffsetDateTime,
}

impl Draft for ImageDraft {
    fn intent(&self) -> Intent {
        self.intent.clone()
    }

    fn messages(&self) -> Vec<Message<'_>> {
        self.parts.iter().map(Part::message).collect()
    }

    fn finish(self: Box<Self>, signatures: Vec<Signature>) -> Result<Vec<SignedArtifact>, KeyError> {
        let Self { what, key, parts, attestation, now, .. } = *self;
        if signatures.len() != parts.len() {
            let reason = format!("the key gave {} signatures instead of {}", signatures.len(), parts.len());
            return Err(KeyError::Draft { what, reason });
        }
        let signed = parts.into_iter().zip(signatures);
        let finished = signed.map(|(part, signature)| part.finish(&key, signature, now));
        finished.chain(attestation.map(Ok)).collect()
    }
}
