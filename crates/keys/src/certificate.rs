//! A certificate that a key makes for itself: what notation's signatures carry and cards store beside a key.
//!
//! It proves nothing about who owns the key; whoever trusts it has put this very certificate into a trust store. Its
//! shape is what notation's verifiers accept for signing code (Notary Project signature specification, "Certificate
//! requirements"): no certificate authority, critical key usage of digital signatures alone, extended key usage of code
//! signing alone, and a subject with the three fields that their trust policies can name.

use std::ops::Range;
use std::time::{Duration, SystemTime};

use p256::ecdsa::signature::Keypair;
use sha2::{Digest as _, Sha256};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{self, Builder as _, CertificateBuilder};
use x509_cert::certificate::{Certificate, TbsCertificate};
use x509_cert::der::asn1::{Any, BitString, ObjectIdentifier, OctetString, PrintableString, SetOfVec, Utf8StringRef};
use x509_cert::der::{self, Decode as _, Document, Encode as _};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectKeyIdentifier};
use x509_cert::ext::{Extension, ToExtension as _};
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{
    self, AlgorithmIdentifierOwned, DynSignatureAlgorithmIdentifier, EncodePublicKey, SubjectPublicKeyInfoOwned,
    SubjectPublicKeyInfoRef,
};
use x509_cert::time::{Time, Validity};

use crate::{KeyError, Message, Person, PublicKey, Signer};

/// How long a certificate is valid where nobody says otherwise. notation refuses signatures without a timestamp once
/// the certificate has ended, and a certificate in a slot is replaced by few.
pub const YEARS: u32 = 10;

/// A certificate of one key has some hundred bytes; cards hold at most 3 KiB.
const LIMIT: usize = 64 << 10;

/// RFC 5280 appendix A: the upper bounds of `ub-common-name`, `ub-organization-name` and `ub-state-name`, which other
/// readers enforce.
const WIDEST: usize = 64;

/// Whom a certificate names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// C: two letters (ISO 3166); `ZZ` where nobody said.
    pub country: String,
    /// ST.
    pub state: String,
    /// O.
    pub organization: String,
    /// CN.
    pub common_name: String,
}

impl Subject {
    /// Someone of whom only a name is known. notation's trust policies need C, ST and O to name a signer by subject, so
    /// they are there and say that nothing is known.
    pub fn named(name: &str) -> Self {
        Self {
            country: "ZZ".to_owned(),
            state: "unknown".to_owned(),
            organization: "unknown".to_owned(),
            common_name: name.to_owned(),
        }
    }

    /// Whether a certificate can name it.
    pub fn check(&self) -> Result<(), KeyError> {
        let refused = |reason: String| KeyError::Malformed {
            name: format!("{:?}", self.common_name.chars().take(WIDEST).collect::<String>()),
            wanted: "subject of a certificate",
            reason,
        };
        if self.country.len() != 2 || !self.country.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(refused(format!("the country {:?} is not two capital letters, like CH", self.country)));
        }
        for (field, text) in
            [("state", &self.state), ("organization", &self.organization), ("common name", &self.common_name)]
        {
            let letters = text.chars().count();
            if letters == 0 || letters > WIDEST || text.chars().any(char::is_control) {
                return Err(refused(format!(
                    "the {field} {text:?} must have 1 to {WIDEST} characters and none that control a terminal"
                )));
            }
        }
        Ok(())
    }

    fn to_name(&self) -> der::Result<Name> {
        let text = |text: &str| Any::encode_from(&Utf8StringRef::new(text)?);
        let fields = [
            ("2.5.4.6", Any::encode_from(&PrintableString::new(&self.country)?)?),
            ("2.5.4.8", text(&self.state)?),
            ("2.5.4.10", text(&self.organization)?),
            ("2.5.4.3", text(&self.common_name)?),
        ];
        let mut names = RdnSequence::default();
        for (oid, value) in fields {
            let field = AttributeTypeAndValue { oid: ObjectIdentifier::new(oid)?, value };
            names.push(RelativeDistinguishedName::from(SetOfVec::try_from([field])?));
        }
        Name::from_der(&names.to_der()?)
    }
}

/// From `now` on for [`YEARS`].
pub fn validity_from(now: SystemTime) -> Range<SystemTime> {
    // A verifier's clock may be a little behind.
    let start = now - Duration::from_mins(5);
    start..start + Duration::from_secs(u64::from(YEARS) * 365 * 24 * 60 * 60)
}

/// Makes the certificate of `signer`'s key, signed by that key: one signature, so one touch where the key wants such.
pub fn self_issued(
    signer: &dyn Signer,
    subject: &Subject,
    valid: Range<SystemTime>,
    person: &dyn Person,
) -> Result<Vec<u8>, KeyError> {
    subject.check()?;
    let failed = |error: builder::Error| KeyError::Sign {
        name: signer.uri().to_string(),
        reason: format!("its certificate could not be built: {error}"),
    };
    let issuer = Issuer::of(&signer.public_key())?;
    let mut draft = draft(&issuer, subject, valid).map_err(failed)?;
    let tbs = draft.finalize(&issuer).map_err(failed)?;
    let signature = signer.sign(&[Message::new(&tbs)], person)?.pop().ok_or_else(|| KeyError::Sign {
        name: signer.uri().to_string(),
        reason: "it gave no signature for its certificate".to_owned(),
    })?;
    signer.public_key().verify(&tbs, signature.as_bytes())?;
    let signature = BitString::from_bytes(signature.as_bytes()).map_err(|error| failed(error.into()))?;
    let certificate = draft.assemble(signature, &issuer).map_err(failed)?;
    certificate.to_der().map_err(|error| failed(error.into()))
}

/// The key that a certificate (DER) is for. Nothing of the certificate is proved by it.
pub fn key_of(certificate: &[u8]) -> Result<PublicKey, KeyError> {
    let malformed = |reason: String| KeyError::Malformed {
        name: "the certificate".to_owned(),
        wanted: "X.509 certificate",
        reason,
    };
    if certificate.len() > LIMIT {
        return Err(malformed(format!("it has more than {LIMIT} bytes")));
    }
    let certificate = Certificate::from_der(certificate).map_err(|error| malformed(error.to_string()))?;
    let key = certificate.tbs_certificate().subject_public_key_info();
    PublicKey::from_der(&key.to_der().map_err(|error| malformed(error.to_string()))?)
}

fn draft(
    issuer: &Issuer,
    subject: &Subject,
    valid: Range<SystemTime>,
) -> Result<CertificateBuilder<Leaf>, builder::Error> {
    let mut number = [0_u8; 16];
    getrandom::fill(&mut number).map_err(|_| der::Error::from(der::ErrorKind::Failed))?;
    // Positive, and of one length (RFC 5280 section 4.1.2.2).
    number[0] = number[0] & 0x7f | 0x40;
    CertificateBuilder::new(
        Leaf(subject.to_name()?),
        SerialNumber::new(&number)?,
        Validity::new(Time::try_from(valid.start)?, Time::try_from(valid.end)?),
        SubjectPublicKeyInfoOwned::from_der(issuer.key.der())?,
    )
}

/// The extensions of a certificate for signing code.
struct Leaf(Name);

impl BuilderProfile for Leaf {
    fn get_issuer(&self, subject: &Name) -> Name {
        subject.clone()
    }

    fn get_subject(&self) -> Name {
        self.0.clone()
    }

    fn build_extensions(
        &self,
        key: SubjectPublicKeyInfoRef<'_>,
        _: SubjectPublicKeyInfoRef<'_>,
        _: &TbsCertificate,
    ) -> builder::Result<Vec<Extension>> {
        // RFC 7093 section 2, method 1: SHA-256 cut to 160 bits.
        let identifier = OctetString::new(&Sha256::digest(key.subject_public_key.raw_bytes())[..20])?;
        let constraints = BasicConstraints { ca: false, path_len_constraint: None };
        Ok(vec![
            constraints.to_extension(&self.0, &[])?,
            KeyUsage(KeyUsages::DigitalSignature.into()).to_extension(&self.0, &[])?,
            ExtendedKeyUsage(vec![CODE_SIGNING]).to_extension(&self.0, &[])?,
            SubjectKeyIdentifier(identifier).to_extension(&self.0, &[])?,
        ])
    }
}

/// RFC 5280 section 4.2.1.12.
const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");

/// What the builder asks of whoever signs, without the signing, which needs a person.
struct Issuer {
    key: PublicKey,
    algorithm: ObjectIdentifier,
}

impl Issuer {
    fn of(key: &PublicKey) -> Result<Self, KeyError> {
        let refused = |algorithm: String| KeyError::Algorithm { name: "the certificate's key".to_owned(), algorithm };
        let info = SubjectPublicKeyInfoRef::from_der(key.der()).map_err(|error| refused(error.to_string()))?;
        let curve = info.algorithm.parameters_oid().ok().map(|oid| oid.to_string());
        // RFC 5480 section 2.1.1, RFC 5758 section 3.2, RFC 8410 section 3.
        let algorithm = match (info.algorithm.oid.to_string().as_str(), curve.as_deref()) {
            ("1.2.840.10045.2.1", Some("1.2.840.10045.3.1.7")) => ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2"),
            ("1.2.840.10045.2.1", Some("1.3.132.0.34")) => ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3"),
            ("1.3.101.112", _) => ObjectIdentifier::new_unwrap("1.3.101.112"),
            (other, _) => return Err(refused(other.to_owned())),
        };
        Ok(Self { key: key.clone(), algorithm })
    }
}

impl Keypair for Issuer {
    type VerifyingKey = Info;

    fn verifying_key(&self) -> Info {
        Info(self.key.clone())
    }
}

impl DynSignatureAlgorithmIdentifier for Issuer {
    fn signature_algorithm_identifier(&self) -> spki::Result<AlgorithmIdentifierOwned> {
        Ok(AlgorithmIdentifierOwned { oid: self.algorithm, parameters: None })
    }
}

#[derive(Clone)]
struct Info(PublicKey);

impl EncodePublicKey for Info {
    fn to_public_key_der(&self) -> spki::Result<Document> {
        Ok(Document::try_from(self.0.der())?)
    }
}
