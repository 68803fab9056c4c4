//! A key together with a certificate for it, which notation's signatures carry.

use keys::certificate::{Subject, self_issued, validity_from};
use keys::{Attestation, Custody, Intent, KeyError, KeyUri, Message, Person, PublicKey, Signature, Signer};
use time::OffsetDateTime;
use x509_cert::der::Document;
use x509_cert::der::pem::LineEnding;

/// A signer whose certificate is kept elsewhere than with its key.
pub struct Certified<'a> {
    signer: &'a dyn Signer,
    certificate: Vec<u8>,
}

impl<'a> Certified<'a> {
    /// A signer and the certificate (X.509, DER) of its key.
    pub fn new(signer: &'a dyn Signer, certificate: Vec<u8>) -> Result<Self, KeyError> {
        let certified = keys::certificate::key_of(&certificate)?;
        if certified == signer.public_key() {
            return Ok(Self { signer, certificate });
        }
        Err(KeyError::Draft {
            what: "for notation".into(),
            reason: format!("the certificate beside {} is for the key {}", signer.uri(), certified.fingerprint()),
        })
    }

    /// A signer that makes a certificate for its key now: one more signature.
    pub fn make(signer: &'a dyn Signer, person: &dyn Person, now: OffsetDateTime) -> Result<Self, KeyError> {
        // It is of no image; nobody should read that an unknown one is signed.
        person.show(&Intent {
            repository: Some("(none: the key's own certificate)".into()),
            digest: Some("(none)".into()),
            formats: vec!["a certificate of this key, which notation wants".into()],
            ..Intent::default()
        });
        let name = format!("plimsoll {}", &signer.public_key().fingerprint()[..16]);
        let certificate = self_issued(signer, &Subject::named(&name), validity_from(now.into()), person)?;
        Ok(Self { signer, certificate })
    }

    /// The certificate.
    pub fn der(&self) -> &[u8] {
        &self.certificate
    }
}

impl Signer for Certified<'_> {
    fn uri(&self) -> &KeyUri {
        self.signer.uri()
    }

    fn public_key(&self) -> PublicKey {
        self.signer.public_key()
    }

    fn custody(&self) -> Custody {
        self.signer.custody()
    }

    fn sign(&self, batch: &[Message<'_>], person: &dyn Person) -> Result<Vec<Signature>, KeyError> {
        self.signer.sign(batch, person)
    }

    fn certificate(&self) -> Result<Option<Vec<u8>>, KeyError> {
        Ok(Some(self.certificate.clone()))
    }

    fn attestation(&self) -> Result<Option<Attestation>, KeyError> {
        self.signer.attestation()
    }

    fn lock(&self) {
        self.signer.lock();
    }
}

/// A certificate (X.509, DER) as PEM.
pub fn to_pem(der: &[u8]) -> Result<String, String> {
    let document = Document::try_from(der).and_then(|document| document.to_pem("CERTIFICATE", LineEnding::LF));
    document.map_err(|error| format!("the certificate cannot be written: {error}"))
}
