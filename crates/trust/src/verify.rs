//! Holding signatures against keys.

use image::Digest;
use keys::{Attestation, PublicKey};
use time::OffsetDateTime;

use crate::chain::{self, Purpose};
use crate::error::short;
use crate::notation::Descriptor;
use crate::notation::timestamping::{Stamp, Token};
use crate::statement::{NotSaid, PAYLOAD_TYPE, Said};
use crate::{
    Bundle, Content, Format, Found, Rejection, SignatureSource, Statement, TrustError, attested, bundle, notation,
    simple_signing,
};

/// A signature of an image that verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The key that made it.
    pub key: PublicKey,
    /// The form in which it lay in the registry.
    pub format: Format,
    /// The repository that the signer said it is for, from a signed field.
    pub repository: Option<String>,
    /// The tag, likewise.
    pub tag: Option<String>,
    /// When it was made, as the signer says under the signature; a timestamping authority's word where that is earlier.
    /// Never later: anybody can have an old signature stamped anew, for the stamp is not signed with it.
    pub signed_at: Option<OffsetDateTime>,
    /// For notation: the trusted certificate (DER) that the signer's chain leads to, where the key itself is not
    /// trusted by name.
    pub authority: Option<Vec<u8>>,
    /// The keys of the certificates above the signer's, up to that of [`Signature::authority`].
    pub vouching: Vec<PublicKey>,
    /// For notation: the certificates (DER) of the timestamping authorities without whose word it would not count, since the
    /// signer's own certificate has ended. Any of them is enough; none is needed where there are none.
    pub outlived_by: Vec<Vec<u8>>,
    /// What devices say of the key, for exactly this key and not yet verified against any root. Anybody who may write
    /// beside the image can add to these: one that holds is enough.
    pub attestations: Vec<Attestation>,
}

impl Signature {
    /// A signature by a key, of which nothing else is known.
    pub fn by(key: PublicKey) -> Self {
        Self {
            key,
            format: Format::default(),
            repository: None,
            tag: None,
            signed_at: None,
            authority: None,
            vouching: Vec::new(),
            outlived_by: Vec::new(),
            attestations: Vec::new(),
        }
    }
}

/// Checks signatures against a set of trusted keys.
#[derive(Clone, Debug)]
pub struct Verifier {
    keys: Vec<PublicKey>,
    certificates: Vec<Vec<u8>>,
    authorities: Vec<Vec<u8>>,
    time: Option<OffsetDateTime>,
}

/// All that was found at an image.
#[derive(Debug, Default)]
pub struct Examination {
    /// Valid signatures by trusted keys, one for each key and what it said.
    pub signatures: Vec<Signature>,
    /// Why the others do not count, in the order in which they were found.
    pub rejected: Vec<Rejection>,
}

impl Verifier {
    /// A verifier that trusts these keys and no other.
    pub fn new(keys: Vec<PublicKey>) -> Self {
        Self { keys, certificates: Vec::new(), authorities: Vec::new(), time: None }
    }

    /// The same, trusting also those to whom one of these certificates (X.509, DER) leads: notation's signers. One that
    /// is no authority's vouches for itself alone.
    #[must_use]
    pub fn trusting(self, certificates: Vec<Vec<u8>>) -> Self {
        Self { certificates, ..self }
    }

    /// The same, believing timestamps of authorities to which one of these certificates leads.
    #[must_use]
    pub fn believing(self, authorities: Vec<Vec<u8>>) -> Self {
        Self { authorities, ..self }
    }

    /// The same, for whom it is always `time`.
    #[must_use]
    pub fn at(self, time: OffsetDateTime) -> Self {
        Self { time: Some(time), ..self }
    }

    /// The keys.
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// Every valid signature of `image` by a trusted key, one a key; signatures by others and broken ones are left out.
    pub fn verify(&self, image: &Digest, source: &dyn SignatureSource) -> Result<Vec<Signature>, TrustError> {
        let mut signatures = self.examine(image, source)?.signatures;
        let mut seen: Vec<PublicKey> = Vec::new();
        signatures.retain(|signature| {
            let is_new = !seen.contains(&signature.key);
            if is_new {
                seen.push(signature.key.clone());
            }
            is_new
        });
        Ok(signatures)
    }

    /// Every valid signature of `image`, and why the others do not count.
    pub fn examine(&self, image: &Digest, source: &dyn SignatureSource) -> Result<Examination, TrustError> {
        let mut examination = Examination::default();
        let (repository, mut attestations) = (source.repository(), Vec::new());
        for found in source.found(image)? {
            let checked = match found {
                Ok(Found { content: Content::Attestation(bytes), .. }) => {
                    match attested::parse(&bytes) {
                        Ok(attestation) => attestations.push(attestation),
                        Err(reason) => examination.rejected.push(Rejection::Attestation(reason)),
                    }
                    continue;
                }
                other => other.map_err(Rejection::Unreadable),
            };
            match checked.and_then(|found| self.check(&found, image, repository.as_deref())) {
                Ok(signature) if examination.signatures.contains(&signature) => {}
                Ok(signature) => examination.signatures.push(signature),
                Err(rejection) => examination.rejected.push(rejection),
            }
        }
        for signature in &mut examination.signatures {
            let own = attestations.iter().filter(|(key, _)| *key == signature.key);
            signature.attestations = own.map(|(_, attestation)| attestation.clone()).collect();
        }
        Ok(examination)
    }

    /// As [`Verifier::examine`], for a platform manifest that was reached through `index`, whose bytes the caller has
    /// checked and found to name it: signatures of either count.
    pub fn examine_image(
        &self,
        image: &Digest,
        index: Option<&Digest>,
        source: &dyn SignatureSource,
    ) -> Result<Examination, TrustError> {
        let mut all = match index {
            Some(index) => self.examine(index, source)?,
            None => Examination::default(),
        };
        let own = self.examine(image, source)?;
        let is_new = |signature: &Signature| !all.signatures.contains(signature);
        let new: Vec<Signature> = own.signatures.into_iter().filter(is_new).collect();
        all.signatures.extend(new);
        all.rejected.extend(own.rejected);
        Ok(all)
    }

    /// One thing that may be a signature. What was signed is looked at after the signature was found to hold.
    pub fn check(&self, found: &Found, image: &Digest, repository: Option<&str>) -> Result<Signature, Rejection> {
        match &found.content {
            Content::Bundle(bytes) => self.check_bundle(bytes, image),
            Content::Simple { payload, signature } => self.check_simple(payload, signature, image, repository),
            Content::Notation(bytes) => self.check_notation(bytes, image),
            Content::Cose => Err(Rejection::Cose),
            Content::Attestation(_) => Err(Rejection::Attestation("is no signature".into())),
        }
    }

    fn check_bundle(&self, bytes: &[u8], image: &Digest) -> Result<Signature, Rejection> {
        let bundle = Bundle::parse(bytes)?;
        let Some(key) = bundle.envelope.signer(&self.keys) else {
            return Err(match self.keys.iter().find(|key| bundle.names(key)) {
                Some(key) => Rejection::Forged(key.fingerprint()),
                None => Rejection::UnknownKey(bundle.hint),
            });
        };
        if bundle.envelope.payload_type != PAYLOAD_TYPE {
            return Err(Rejection::PayloadType(short(bundle.envelope.payload_type)));
        }
        let said = Statement::said_of(&bundle.envelope.payload.0, image);
        signature(key, Format::Bundle, said)
    }

    fn check_simple(
        &self,
        payload: &[u8],
        bytes: &[u8],
        image: &Digest,
        repository: Option<&str>,
    ) -> Result<Signature, Rejection> {
        let holds = |key: &&PublicKey| key.verify_any(key.algorithm().sigstore_schemes(), payload, bytes).is_ok();
        let Some(key) = self.keys.iter().find(holds) else {
            return Err(Rejection::UnknownKey(None));
        };
        signature(key, Format::CosignTag, simple_signing::said_of(payload, image, repository))
    }

    /// By a key that is trusted by name, or by one whose certificate leads to a trusted one.
    fn check_notation(&self, bytes: &[u8], image: &Digest) -> Result<Signature, Rejection> {
        let malformed = |reason: String| Rejection::Malformed { format: Format::Notation, reason };
        let envelope = notation::Envelope::parse(bytes).map_err(malformed)?;
        let key = envelope.check_signature().map_err(malformed)?;
        let now = self.time.unwrap_or_else(OffsetDateTime::now_utc);
        if let Some(end) = envelope.expiry().map_err(malformed)?
            && end < now
        {
            return Err(malformed(format!("was to be used until {end} only")));
        }
        let stamped = match envelope.timestamp() {
            // An authority that nobody here believes says nothing, right or wrong.
            Some(token) if !self.authorities.is_empty() => {
                Token::check(token, envelope.signature()).and_then(|token| token.stamp(&self.authorities)).map(Some)
            }
            _ => Ok(None),
        };
        let stamped = stamped.map_err(|reason| malformed(format!("does not count: {reason}")))?;
        let signed_at = envelope.signing_time().map_err(malformed)?;
        let signed_at = stamped.as_ref().map_or(signed_at, |stamp| stamp.time.min(signed_at));
        let said = notation::said_of(envelope.payload(), Descriptor { digest: image }, signed_at);
        let signature = signature(&key, Format::Notation, said)?;
        if self.keys.contains(&key) {
            return Ok(signature);
        }
        if self.certificates.is_empty() {
            return Err(Rejection::UnknownKey(Some(bundle::hint_of(&key))));
        }
        let leads = |at| chain::anchor(envelope.certificates(), &self.certificates, at, Purpose::CodeSigning);
        let refused = |reason| malformed(format!("is by the key {}: {reason}", key.fingerprint()));
        let (found, outlived_by) = match stamped {
            None => (leads(now).map_err(refused)?, Vec::new()),
            Some(Stamp { time, authorities }) => {
                let found = leads(time).map_err(refused)?;
                (found, if leads(now).is_ok() { Vec::new() } else { authorities })
            }
        };
        Ok(Signature { authority: Some(found.certificate.to_vec()), vouching: found.keys, outlived_by, ..signature })
    }
}

fn signature(key: &PublicKey, format: Format, said: Result<Said, NotSaid>) -> Result<Signature, Rejection> {
    let Said { repository, tag, signed_at } = said.map_err(|reason| Rejection::NotSaid(key.fingerprint(), reason))?;
    Ok(Signature { format, repository, tag, signed_at, ..Signature::by(key.clone()) })
}
