//! What is in a token: keys, told by what is public of them.

use std::fmt::Write as _;

use cryptoki::object::{Attribute, AttributeType, CertificateType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use pkcs8::der::Decode as _;
use pkcs8::der::asn1::{ObjectIdentifier, OctetStringRef};

use super::error::{TokenError, told};
use super::token::{Token, printable};
use crate::uri::TokenUri;
use crate::{Algorithm, KeyError, Person, PublicKey, certificate};

/// Most objects of a kind that are looked at.
const MOST: usize = 500;

/// A key in a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenKey {
    /// `CKA_LABEL`.
    pub label: String,
    /// `CKA_ID`, which private key, public key and certificate share.
    pub id: Vec<u8>,
    /// The public half.
    pub public: PublicKey,
    /// The certificate (X.509, DER) beside it.
    pub certificate: Option<Vec<u8>>,
}

impl TokenKey {
    /// Its name among the keys of its token.
    pub fn uri(&self, token: &Token) -> TokenUri {
        TokenUri {
            object: (!self.label.is_empty()).then(|| self.label.clone()),
            id: (!self.id.is_empty()).then(|| self.id.clone()),
            ..token.uri()
        }
    }

    /// Label, identifier and algorithm, to tell it from others.
    pub fn described(&self) -> String {
        format!("{} (id {}, {})", self.label, hexadecimal(&self.id), self.public.algorithm())
    }
}

/// Bytes as people write them.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A certificate with its label and identifier.
struct Certificate {
    label: String,
    id: Vec<u8>,
    der: Vec<u8>,
}

impl Token {
    /// The keys that can be seen without the PIN. Keys of algorithms that are unknown here are left out.
    pub fn keys(&self) -> Result<Vec<TokenKey>, KeyError> {
        self.keys_in(&self.session(false)?, &TokenUri::default())
    }

    /// The one key that the URI names; of several the person says which. The PIN is asked for only where the token
    /// shows nothing without.
    pub(super) fn key(&self, uri: &TokenUri, person: &dyn Person) -> Result<TokenKey, KeyError> {
        let session = self.session(false)?;
        let mut found = self.keys_in(&session, uri)?;
        if found.is_empty() {
            let _turn = self.turn();
            self.log_in(&session, person)?;
            found = self.keys_in(&session, uri)?;
            let _ = session.logout();
        }
        match found.len() {
            0 => {
                let all: Vec<_> = self.keys_in(&session, &TokenUri::default())?;
                let there = if all.is_empty() {
                    "it shows no key at all; make one with: plimsoll key generate pkcs11:token=NAME;object=NAME"
                        .to_owned()
                } else {
                    format!("it has: {}", all.iter().map(TokenKey::described).collect::<Vec<_>>().join(", "))
                };
                Err(TokenError::NoKey { token: self.name().to_owned(), uri: uri.to_string(), there }.into())
            }
            1 => Ok(found.remove(0)),
            _ => {
                let choices: Vec<String> = found.iter().map(TokenKey::described).collect();
                let chosen = person
                    .choose(&format!("which key in {}", self.name()), &choices)
                    .map_err(|error| error.or_instead("name it by its label ('pkcs11:…;object=LABEL')"))?;
                if chosen < found.len() { Ok(found.swap_remove(chosen)) } else { Err(KeyError::Cancelled) }
            }
        }
    }

    /// The key that was just made.
    pub(super) fn seen(&self, session: &Session, uri: &TokenUri) -> Result<TokenKey, KeyError> {
        self.keys_in(session, uri)?.pop().ok_or_else(|| {
            let there = "it was made and is not shown".to_owned();
            TokenError::NoKey { token: self.name().to_owned(), uri: uri.to_string(), there }.into()
        })
    }

    fn keys_in(&self, session: &Session, uri: &TokenUri) -> Result<Vec<TokenKey>, KeyError> {
        let certificates = self.certificates(session)?;
        let mut keys: Vec<TokenKey> = Vec::new();
        for object in self.find(session, ObjectClass::PUBLIC_KEY, uri)? {
            let Some(described) = self.describe(session, object)? else { continue };
            keys.push(described);
        }
        for Certificate { label, id, der } in certificates {
            let Ok(public) = certificate::key_of(&der) else { continue };
            if let Some(key) = keys.iter_mut().find(|key| key.public == public) {
                // ykcs11 shows a card's statement about the key as a certificate too, under the same identifier.
                let of_key = (key.id == id || key.label == label) && !label.contains("PIV Attestation");
                if of_key && key.certificate.is_none() {
                    key.certificate = Some(der);
                }
            } else if uri.object.as_ref().is_none_or(|wanted| *wanted == label)
                && uri.id.as_ref().is_none_or(|wanted| *wanted == id)
            {
                keys.push(TokenKey { label, id, public, certificate: Some(der) });
            }
        }
        // What nothing is signed with here is no key of ours.
        keys.retain(|key| !matches!(key.public.algorithm(), Algorithm::Rsa { .. }));
        Ok(keys)
    }

    fn certificates(&self, session: &Session) -> Result<Vec<Certificate>, KeyError> {
        let wanted = [AttributeType::Label, AttributeType::Id, AttributeType::CertificateType, AttributeType::Value];
        let mut found = Vec::new();
        for object in self.find(session, ObjectClass::CERTIFICATE, &TokenUri::default())? {
            let attributes = self.attributes(session, object, &wanted)?;
            let x509 = attributes.iter().all(
                |attribute| !matches!(attribute, Attribute::CertificateType(kind) if *kind != CertificateType::X_509),
            );
            let (label, id) = names(&attributes);
            let value = attributes.into_iter().find_map(|attribute| match attribute {
                Attribute::Value(value) => Some(value),
                _ => None,
            });
            if let Some(der) = value.filter(|_| x509) {
                found.push(Certificate { label, id, der });
            }
        }
        Ok(found)
    }

    /// The objects of a class that the URI may mean.
    pub(super) fn find(
        &self,
        session: &Session,
        class: ObjectClass,
        uri: &TokenUri,
    ) -> Result<Vec<ObjectHandle>, KeyError> {
        let mut template = vec![Attribute::Class(class)];
        template.extend(uri.object.as_ref().map(|label| Attribute::Label(label.clone().into_bytes())));
        template.extend(uri.id.clone().map(Attribute::Id));
        let mut found = session.find_objects(&template).map_err(told(self.name(), "its objects were listed"))?;
        found.truncate(MOST);
        Ok(found)
    }

    pub(super) fn attributes(
        &self,
        session: &Session,
        object: ObjectHandle,
        wanted: &[AttributeType],
    ) -> Result<Vec<Attribute>, KeyError> {
        session.get_attributes(object, wanted).map_err(told(self.name(), "an object was read"))
    }

    fn describe(&self, session: &Session, object: ObjectHandle) -> Result<Option<TokenKey>, KeyError> {
        let wanted = [
            AttributeType::Label,
            AttributeType::Id,
            AttributeType::KeyType,
            AttributeType::EcParams,
            AttributeType::EcPoint,
        ];
        let attributes = self.attributes(session, object, &wanted)?;
        let (label, id) = names(&attributes);
        Ok(public_key(&attributes).map(|public| TokenKey { label, id, public, certificate: None }))
    }
}

fn names(attributes: &[Attribute]) -> (String, Vec<u8>) {
    let mut names = (String::new(), Vec::new());
    for attribute in attributes {
        match attribute {
            Attribute::Label(label) => names.0 = printable(&String::from_utf8_lossy(label)),
            Attribute::Id(id) => names.1.clone_from(id),
            _ => {}
        }
    }
    names
}

/// The key of `CKA_EC_PARAMS` and `CKA_EC_POINT` (PKCS#11 2.40 current mechanisms, section 2.3.3; 3.0, section 2.3.5).
fn public_key(attributes: &[Attribute]) -> Option<PublicKey> {
    let (mut kind, mut curve, mut point) = (None, None, None);
    for attribute in attributes {
        match attribute {
            Attribute::KeyType(found) => kind = Some(*found),
            Attribute::EcParams(found) => curve = Some(found),
            Attribute::EcPoint(found) => point = Some(found),
            _ => {}
        }
    }
    let algorithm = algorithm(kind?, curve?)?;
    let point = point?;
    // An octet string, as is written; but some tokens give the bare point.
    let inner = <&OctetStringRef>::from_der(point)
        .ok()
        .and_then(|inner| PublicKey::from_point(algorithm, inner.as_bytes()).ok());
    inner.or_else(|| PublicKey::from_point(algorithm, point).ok())
}

fn algorithm(kind: KeyType, parameters: &[u8]) -> Option<Algorithm> {
    let curve = <ObjectIdentifier>::from_der(parameters).ok().map(|oid| oid.to_string());
    match (kind, curve.as_deref()) {
        (KeyType::EC, Some("1.2.840.10045.3.1.7")) => Some(Algorithm::EcdsaP256),
        (KeyType::EC, Some("1.3.132.0.34")) => Some(Algorithm::EcdsaP384),
        (KeyType::EC_EDWARDS, Some("1.3.101.112")) => Some(Algorithm::Ed25519),
        // By its name, as a PrintableString.
        (KeyType::EC_EDWARDS, None) if parameters.get(2..) == Some(b"edwards25519") => Some(Algorithm::Ed25519),
        _ => None,
    }
}
