//! Timestamps of authorities (RFC 3161): asked for when something is signed, checked when it is verified.
//!
//! A token says that the signature existed at a time, so that it goes on counting when the signer's certificate has
//! ended. Its own signature is CMS (RFC 5652).

use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use keys::{Algorithm, Hash, PublicKey, Scheme};
use time::format_description::FormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};
use x509_cert::certificate::Certificate;
use x509_cert::der::asn1::{Any, Null, ObjectIdentifier, OctetString, OctetStringRef, Uint};
use x509_cert::der::{Decode as _, Encode as _, Tag, Tagged as _};
use x509_cert::ext::pkix::SubjectKeyIdentifier;

use super::envelope::{Envelope, with_timestamp};
use crate::chain::{Purpose, anchor};
use crate::error::short;

/// Most bytes of a reply or token that are read. With a chain of four certificates they have some 8,000.
pub const LIMIT: usize = 64 << 10;
/// Certificates in a token, at most.
const CERTIFICATES: usize = 16;

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
/// RFC 2634 section 5.4 (SHA-1), RFC 5035 section 3.
const SIGNING_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

/// A question to an authority about some bytes.
#[derive(Clone, Debug)]
pub struct Query {
    nonce: [u8; 16],
    der: Vec<u8>,
}

/// A token that says when some bytes were there, checked against them but not yet for who says so.
#[derive(Clone, Debug)]
pub struct Token {
    time: OffsetDateTime,
    nonce: Option<Vec<u8>>,
    /// The authority's own certificate first.
    certificates: Vec<Vec<u8>>,
}

impl Query {
    /// Asks when `bytes` were there. Only their SHA-256 leaves the machine.
    pub fn new(bytes: &[u8]) -> Result<Self, String> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| format!("the system gave no random bytes: {error}"))?;
        // A positive number of one length.
        nonce[0] = nonce[0] & 0x7f | 0x40;
        let der = Self::encode(bytes, &nonce).map_err(|error| format!("the question cannot be written: {error}"))?;
        Ok(Self { nonce, der })
    }

    fn encode(bytes: &[u8], nonce: &[u8]) -> x509_cert::der::Result<Vec<u8>> {
        let algorithm = vec![Any::encode_from(&SHA256)?, Any::encode_from(&Null)?];
        let imprint =
            vec![Any::encode_from(&algorithm)?, Any::encode_from(&OctetString::new(Hash::Sha256.of(bytes))?)?];
        vec![
            Any::encode_from(&1_u8)?,
            Any::encode_from(&imprint)?,
            Any::encode_from(&Uint::new(nonce)?)?,
            // The authority's certificates are wanted in the token.
            Any::encode_from(&true)?,
        ]
        .to_der()
    }

    /// The bytes to send, as `application/timestamp-query`.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The token out of an authority's reply (`application/timestamp-reply`): it must be about `bytes` and answer this
    /// very question.
    pub fn token(&self, reply: &[u8], bytes: &[u8]) -> Result<Vec<u8>, String> {
        if reply.len() > LIMIT {
            return Err(format!("the reply is larger than {LIMIT} bytes"));
        }
        let fields = sequence(reply, "the reply")?;
        let status = fields.first().ok_or("the reply has no status")?;
        let status = sequence(&der(status)?, "the status")?;
        let code: u8 = status
            .first()
            .and_then(|code| code.decode_as().ok())
            .ok_or("the reply has a status that is no small number")?;
        // 0 granted, 1 granted with changes (RFC 3161 section 2.4.2).
        if code > 1 {
            let said = status.get(1).map(|text| format!(": {}", said(text))).unwrap_or_default();
            return Err(format!("the authority refused with status {code}{said}"));
        }
        let token = der(fields.get(1).ok_or("the reply has no token")?)?;
        let read = Token::check(&token, bytes)?;
        if read.nonce.as_deref() != Some(self.nonce.as_slice()) {
            return Err("the token answers another question; it may be an old one that somebody plays back".into());
        }
        Ok(token)
    }
}

/// When some bytes were there at the latest, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The time. The bytes may be older.
    pub time: OffsetDateTime,
    /// The certificates (DER), of those that are believed, that vouch for whoever tells it.
    pub authorities: Vec<Vec<u8>>,
}

impl Token {
    /// Reads a token and checks that it is whole, about `bytes`, and signed by the certificate that it brings. Whether
    /// that is anybody's to trust is for [`Token::trusted`].
    pub fn check(token: &[u8], bytes: &[u8]) -> Result<Self, String> {
        if token.len() > LIMIT {
            return Err(format!("the timestamp is larger than {LIMIT} bytes"));
        }
        let malformed = |error: x509_cert::der::Error| format!("the timestamp is malformed: {error}");
        let content = ContentInfo::from_der(token).map_err(malformed)?;
        if content.content_type != SIGNED_DATA {
            return Err("the timestamp is not signed".into());
        }
        let signed: SignedData = content.content.decode_as().map_err(malformed)?;
        if signed.encap_content_info.econtent_type != TST_INFO {
            return Err("what is signed is no timestamp".into());
        }
        let info = signed.encap_content_info.econtent.as_ref().ok_or("the timestamp is empty")?;
        let info: &OctetStringRef = info.decode_as().map_err(malformed)?;
        let info = info.as_bytes();
        let infos = signed.signer_infos.0.as_slice();
        let [by] = infos else { return Err(format!("the timestamp has {} signers", infos.len())) };
        let certificates = certificates(&signed)?;
        let place = certificates.iter().position(|certificate| is_of(certificate, &by.sid));
        let place = place.ok_or("the timestamp does not bring its signer's certificate")?;
        let mut chain = Vec::with_capacity(certificates.len());
        for certificate in &certificates {
            chain.push(certificate.to_der().map_err(malformed)?);
        }
        chain.swap(0, place);
        check_signature(by, info, &chain[0])?;
        let Info { time, nonce } = Info::read(info, bytes)?;
        Ok(Self { time, nonce, certificates: chain })
    }

    /// The time, where one of `authorities` (certificates, DER) vouches for whoever tells it.
    pub fn trusted(&self, authorities: &[Vec<u8>]) -> Result<OffsetDateTime, String> {
        self.stamp(authorities).map(|stamp| stamp.time)
    }

    /// The same, with all of `authorities` that vouch.
    pub fn stamp(&self, authorities: &[Vec<u8>]) -> Result<Stamp, String> {
        let vouches = |authority: &Vec<u8>| {
            anchor(&self.certificates, std::slice::from_ref(authority), self.time, Purpose::TimeStamping).map(|_| ())
        };
        let vouching: Vec<_> = authorities.iter().filter(|authority| vouches(authority).is_ok()).cloned().collect();
        if vouching.is_empty() {
            let reason = anchor(&self.certificates, authorities, self.time, Purpose::TimeStamping).err();
            return Err(format!("the timestamp does not count: {}", reason.unwrap_or_default()));
        }
        Ok(Stamp { time: self.time, authorities: vouching })
    }
}

/// Puts a token into a signature of notation. `reply` is what the authority answered to `query`, which was about the
/// signature of `envelope`. Where `authorities` are given, one of them must vouch for it.
pub fn stamped(envelope: &[u8], query: &Query, reply: &[u8], authorities: &[Vec<u8>]) -> Result<Vec<u8>, String> {
    let parsed = Envelope::parse(envelope)?;
    let token = query.token(reply, parsed.signature())?;
    if !authorities.is_empty() {
        Token::check(&token, parsed.signature())?.trusted(authorities)?;
    }
    with_timestamp(envelope, &token)
}

/// What a token says (`TSTInfo`).
struct Info {
    time: OffsetDateTime,
    nonce: Option<Vec<u8>>,
}

impl Info {
    fn read(info: &[u8], bytes: &[u8]) -> Result<Self, String> {
        let fields = sequence(info, "the timestamp")?;
        let [_version, _policy, imprint, _serial, time, rest @ ..] = fields.as_slice() else {
            return Err("the timestamp lacks fields".into());
        };
        let imprint = sequence(&der(imprint)?, "the imprint")?;
        let [algorithm, hashed] = imprint.as_slice() else {
            return Err("the timestamp has a malformed imprint".into());
        };
        let algorithm = sequence(&der(algorithm)?, "the imprint's algorithm")?;
        let algorithm: Option<ObjectIdentifier> = algorithm.first().and_then(|oid| oid.decode_as().ok());
        let hash = algorithm.and_then(hash_of).ok_or("the timestamp uses a hash that is not read here")?;
        if hashed.tag() != Tag::OctetString || hashed.value() != hash.of(bytes) {
            return Err("the timestamp is about something else".into());
        }
        if time.tag() != Tag::GeneralizedTime {
            return Err("the timestamp has no time".into());
        }
        // Accuracy and ordering may stand before it; both are of other types.
        let nonce = rest.iter().find(|field| field.tag() == Tag::Integer).map(Any::value);
        let nonce = nonce.map(|bytes| bytes.strip_prefix(&[0]).unwrap_or(bytes).to_vec());
        Ok(Self { time: generalized(time.value())?, nonce })
    }
}

/// `YYYYMMDDHHMMSS[.fff]Z`, the fraction passed over: to the second is enough, and earlier is the safe side.
fn generalized(bytes: &[u8]) -> Result<OffsetDateTime, String> {
    const WHOLE: &[FormatItem<'_>] = format_description!("[year][month][day][hour][minute][second]");
    let unreadable = || "the timestamp has an unreadable time".to_owned();
    let text = std::str::from_utf8(bytes).map_err(|_| unreadable())?;
    let text = text.strip_suffix('Z').ok_or_else(unreadable)?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.is_empty() || fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(unreadable());
    }
    PrimitiveDateTime::parse(whole, WHOLE).map(PrimitiveDateTime::assume_utc).map_err(|_| unreadable())
}

fn certificates(signed: &SignedData) -> Result<Vec<Certificate>, String> {
    let all = signed.certificates.as_ref().map(|set| set.0.as_slice()).unwrap_or_default();
    if all.len() > CERTIFICATES {
        return Err(format!("the timestamp brings more than {CERTIFICATES} certificates"));
    }
    let plain = all.iter().filter_map(|choice| match choice {
        CertificateChoices::Certificate(certificate) => Some(certificate.clone()),
        CertificateChoices::Other(_) => None,
    });
    Ok(plain.collect())
}

fn is_of(certificate: &Certificate, signer: &SignerIdentifier) -> bool {
    let tbs = certificate.tbs_certificate();
    match signer {
        SignerIdentifier::IssuerAndSerialNumber(named) => {
            named.issuer == *tbs.issuer() && named.serial_number == *tbs.serial_number()
        }
        SignerIdentifier::SubjectKeyIdentifier(named) => {
            tbs.get_extension::<SubjectKeyIdentifier>().is_ok_and(|found| found.is_some_and(|(_, own)| own == *named))
        }
    }
}

/// The signature over the attributes, and the attributes over the content and the certificate (RFC 5652 section 5.4, RFC
/// 3161 section 2.4.2).
fn check_signature(signer: &SignerInfo, content: &[u8], certificate: &[u8]) -> Result<(), String> {
    let malformed = |error: x509_cert::der::Error| format!("the timestamp's signature is malformed: {error}");
    let attributes = signer.signed_attrs.as_ref().ok_or("the timestamp signs no attributes")?;
    let value = |oid: ObjectIdentifier| {
        let mut found = attributes.iter().filter(|attribute| attribute.oid == oid);
        let values = found.next()?.values.as_slice();
        (values.len() == 1 && found.next().is_none()).then(|| values[0].clone())
    };
    let kind: Option<ObjectIdentifier> = value(CONTENT_TYPE).and_then(|value| value.decode_as().ok());
    if kind != Some(TST_INFO) {
        return Err("the timestamp's signature is about something else".into());
    }
    let hash = hash_of(signer.digest_alg.oid).ok_or("the timestamp uses a hash that is not read here")?;
    if value(MESSAGE_DIGEST).is_none_or(|digest| digest.value() != hash.of(content)) {
        return Err("the timestamp was changed after it was signed".into());
    }
    check_certificate_attribute(&value, certificate)?;
    let key =
        keys::certificate::key_of(certificate).map_err(|error| format!("the timestamp's certificate: {error}"))?;
    let scheme = scheme(signer.signature_algorithm.oid, &key, hash).ok_or_else(|| {
        format!("the timestamp is signed in a way that is not read here ({})", signer.signature_algorithm.oid)
    })?;
    // They are signed as a set of their own, not under the tag that they have in the message.
    let message = attributes.to_der().map_err(malformed)?;
    key.verify_with(scheme, &message, signer.signature.as_bytes())
        .map_err(|_| "the timestamp's signature does not hold: it was changed, or made up".to_owned())
}

/// The signed word on which certificate is meant, so that no other one for the same key can be put in its place.
fn check_certificate_attribute(
    value: &dyn Fn(ObjectIdentifier) -> Option<Any>,
    certificate: &[u8],
) -> Result<(), String> {
    let is_ours = if let Some(attribute) = value(SIGNING_CERTIFICATE_V2) {
        let first = first_identifier(&attribute)?;
        // The hash's algorithm stands first, unless it is SHA-256.
        let (hash, digest) = match first.as_slice() {
            [digest, ..] if digest.tag() == Tag::OctetString => (Hash::Sha256, digest),
            [algorithm, digest, ..] => {
                let algorithm = sequence(&der(algorithm)?, "an algorithm")?;
                let oid: Option<ObjectIdentifier> = algorithm.first().and_then(|oid| oid.decode_as().ok());
                (oid.and_then(hash_of).ok_or("the timestamp uses a hash that is not read here")?, digest)
            }
            _ => return Err("the timestamp names its certificate in a malformed way".into()),
        };
        digest.value() == hash.of(certificate)
    } else if let Some(attribute) = value(SIGNING_CERTIFICATE) {
        let first = first_identifier(&attribute)?;
        let sha1 = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, certificate);
        first.first().is_some_and(|digest| digest.value() == sha1.as_ref())
    } else {
        return Err("the timestamp does not say which certificate signed it".into());
    };
    if is_ours { Ok(()) } else { Err("the timestamp was signed under another certificate than it brings".into()) }
}

/// `SEQUENCE { certs SEQUENCE OF SEQUENCE { … }, … }`: the first of them.
fn first_identifier(attribute: &Any) -> Result<Vec<Any>, String> {
    let what = "the signing certificate's name";
    let outer = sequence(&der(attribute)?, what)?;
    let identifiers = sequence(&der(outer.first().ok_or("the timestamp names no certificate")?)?, what)?;
    sequence(&der(identifiers.first().ok_or("the timestamp names no certificate")?)?, what)
}

fn scheme(algorithm: ObjectIdentifier, key: &PublicKey, digest: Hash) -> Option<Scheme> {
    // RFC 5754 and RFC 8419: with or without the hash in its name.
    match (algorithm.to_string().as_str(), key.algorithm()) {
        ("1.2.840.113549.1.1.1", Algorithm::Rsa { .. }) => Some(Scheme::RsaPkcs1(digest)),
        ("1.2.840.113549.1.1.11", Algorithm::Rsa { .. }) => Some(Scheme::RsaPkcs1(Hash::Sha256)),
        ("1.2.840.113549.1.1.12", Algorithm::Rsa { .. }) => Some(Scheme::RsaPkcs1(Hash::Sha384)),
        ("1.2.840.113549.1.1.13", Algorithm::Rsa { .. }) => Some(Scheme::RsaPkcs1(Hash::Sha512)),
        ("1.2.840.10045.4.3.2", Algorithm::EcdsaP256 | Algorithm::EcdsaP384) => Some(Scheme::Ecdsa(Hash::Sha256)),
        ("1.2.840.10045.4.3.3", Algorithm::EcdsaP256 | Algorithm::EcdsaP384) => Some(Scheme::Ecdsa(Hash::Sha384)),
        ("1.3.101.112", Algorithm::Ed25519) => Some(Scheme::Ed25519),
        _ => None,
    }
}

fn hash_of(oid: ObjectIdentifier) -> Option<Hash> {
    match oid {
        SHA256 => Some(Hash::Sha256),
        SHA384 => Some(Hash::Sha384),
        SHA512 => Some(Hash::Sha512),
        _ => None,
    }
}

/// The members of a sequence.
fn sequence(bytes: &[u8], what: &str) -> Result<Vec<Any>, String> {
    Vec::<Any>::from_der(bytes).map_err(|error| format!("{what} is malformed: {error}"))
}

fn der(value: &Any) -> Result<Vec<u8>, String> {
    value.to_der().map_err(|error| format!("the timestamp is malformed: {error}"))
}

/// What an authority says in words: texts in a sequence.
fn said(text: &Any) -> String {
    let texts = der(text).ok().and_then(|bytes| sequence(&bytes, "the text").ok()).unwrap_or_default();
    let words: Vec<_> = texts.iter().map(|text| String::from_utf8_lossy(text.value()).into_owned()).collect();
    short(words.join(" "))
}
