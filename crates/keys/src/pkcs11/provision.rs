//! New keys in a token, and their end.

use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, CertificateType, KeyType, ObjectClass};
use pkcs8::der::asn1::{ObjectIdentifier, OctetStringRef};
use pkcs8::der::{Decode as _, Encode as _};
use x509_cert::Certificate;

use super::error::{TokenError, told};
use super::object::TokenKey;
use super::token::Token;
use crate::uri::TokenUri;
use crate::{Algorithm, KeyError, Person, PrivateKey, PublicKey};

/// What a new key is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTokenKey {
    /// `CKA_LABEL`; no other key in the token may have it.
    pub label: String,
    /// `CKA_ID`; drawn at random where none is wanted.
    pub id: Option<Vec<u8>>,
    /// What it signs with.
    pub algorithm: Algorithm,
}

impl Token {
    /// Makes a key inside the token, that never leaves it.
    pub fn generate(&self, new: &NewTokenKey, person: &dyn Person) -> Result<TokenKey, KeyError> {
        let doing = "a key was made";
        let mechanism = match new.algorithm {
            Algorithm::EcdsaP256 | Algorithm::EcdsaP384 => Mechanism::EccKeyPairGen,
            Algorithm::Ed25519 => Mechanism::EccEdwardsKeyPairGen,
            Algorithm::Rsa { .. } => return Err(crate::private::rsa("the new key")),
        };
        self.written(new, person, |session, names| {
            let public = [
                names,
                &[Attribute::Private(false), Attribute::Verify(true), Attribute::EcParams(curve(new.algorithm)?)],
            ]
            .concat();
            let private = [names, &secret_attributes()[..]].concat();
            session.generate_key_pair(&mechanism, &public, &private).map(drop).map_err(told(self.name(), doing))
        })
    }

    /// Puts a key that was made elsewhere into the token; from there on it stays.
    pub fn import(&self, new: &NewTokenKey, key: &PrivateKey, person: &dyn Person) -> Result<TokenKey, KeyError> {
        let doing = "a key was put into it";
        let kind = if key.algorithm() == Algorithm::Ed25519 { KeyType::EC_EDWARDS } else { KeyType::EC };
        self.written(new, person, |session, names| {
            let curve = Attribute::EcParams(curve(key.algorithm())?);
            let mut private = vec![Attribute::Class(ObjectClass::PRIVATE_KEY), Attribute::KeyType(kind), curve.clone()];
            private.extend_from_slice(names);
            private.extend(secret_attributes());
            // The crate takes a vector; it is wiped with the next lines.
            private.push(Attribute::Value(key.to_scalar().to_vec()));
            let made = session.create_object(&private).map_err(told(self.name(), doing));
            if let Some(Attribute::Value(value)) = private.last_mut() {
                zeroize::Zeroize::zeroize(value);
            }
            made?;
            let mut public = vec![Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::KeyType(kind), curve];
            public.extend_from_slice(names);
            public.extend([Attribute::Private(false), Attribute::Verify(true)]);
            public.push(Attribute::EcPoint(point(&key.public_key()?)?));
            session.create_object(&public).map(drop).map_err(told(self.name(), doing))
        })
    }

    /// Stores a certificate (X.509, DER) beside its key, where there is none yet.
    pub fn certify(&self, key: &TokenKey, der: &[u8], person: &dyn Person) -> Result<(), KeyError> {
        let subject = Certificate::from_der(der)
            .and_then(|certificate| certificate.tbs_certificate().subject().to_der())
            .map_err(|error| malformed(&error.to_string()))?;
        let _turn = self.turn();
        let session = self.session(true)?;
        self.log_in(&session, person)?;
        let stored = session
            .create_object(&[
                Attribute::Class(ObjectClass::CERTIFICATE),
                Attribute::CertificateType(CertificateType::X_509),
                Attribute::Token(true),
                Attribute::Private(false),
                Attribute::Label(key.label.clone().into_bytes()),
                Attribute::Id(key.id.clone()),
                Attribute::Subject(subject),
                Attribute::Value(der.to_vec()),
            ])
            .map(drop)
            .map_err(told(self.name(), "its certificate was stored"));
        let _ = session.logout();
        stored
    }

    /// Destroys a key with its public half and certificate. There is no way back.
    pub fn delete(&self, key: &TokenKey, person: &dyn Person) -> Result<(), KeyError> {
        let doing = "a key was deleted";
        let _turn = self.turn();
        let session = self.session(true)?;
        self.log_in(&session, person)?;
        let id = (!key.id.is_empty()).then(|| key.id.clone());
        let object = id.is_none().then(|| key.label.clone());
        let uri = TokenUri { object, id, ..TokenUri::default() };
        // The secret last: until then everything can be begun anew.
        let deleted = [ObjectClass::CERTIFICATE, ObjectClass::PUBLIC_KEY, ObjectClass::PRIVATE_KEY]
            .into_iter()
            .try_for_each(|class| {
                self.find(&session, class, &uri)?
                    .into_iter()
                    .try_for_each(|object| session.destroy_object(object).map_err(told(self.name(), doing)))
            });
        let _ = session.logout();
        deleted
    }

    /// Logs in, looks that the name is free, lets `write` do its work and reads what came of it.
    fn written(
        &self,
        new: &NewTokenKey,
        person: &dyn Person,
        write: impl FnOnce(&cryptoki::session::Session, &[Attribute]) -> Result<(), KeyError>,
    ) -> Result<TokenKey, KeyError> {
        if new.label.is_empty() {
            return Err(TokenError::Refused {
                token: self.name().to_owned(),
                doing: "a key was to be made",
                reason: "it has no name; write object=NAME".to_owned(),
            }
            .into());
        }
        let id = if let Some(id) = &new.id {
            id.clone()
        } else {
            let mut id = vec![0_u8; 8];
            getrandom::fill(&mut id).map_err(|error| KeyError::Random(error.to_string()))?;
            id
        };
        let _turn = self.turn();
        let session = self.session(true)?;
        self.log_in(&session, person)?;
        let written = (|| {
            let labelled = TokenUri { object: Some(new.label.clone()), ..TokenUri::default() };
            let numbered = TokenUri { id: Some(id.clone()), ..TokenUri::default() };
            for uri in [labelled, numbered] {
                if !self.find(&session, ObjectClass::PRIVATE_KEY, &uri)?.is_empty() {
                    let (token, label) = (self.name().to_owned(), new.label.clone());
                    return Err(TokenError::Occupied { token, label }.into());
                }
            }
            let names =
                [Attribute::Token(true), Attribute::Label(new.label.clone().into_bytes()), Attribute::Id(id.clone())];
            write(&session, &names)
        })();
        let _ = session.logout();
        written?;
        let uri = TokenUri { object: Some(new.label.clone()), id: Some(id), ..TokenUri::default() };
        self.seen(&session, &uri)
    }
}

fn secret_attributes() -> [Attribute; 4] {
    [Attribute::Private(true), Attribute::Sensitive(true), Attribute::Extractable(false), Attribute::Sign(true)]
}

fn curve(algorithm: Algorithm) -> Result<Vec<u8>, KeyError> {
    let oid = match algorithm {
        Algorithm::EcdsaP256 => ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"),
        Algorithm::EcdsaP384 => ObjectIdentifier::new_unwrap("1.3.132.0.34"),
        Algorithm::Ed25519 => ObjectIdentifier::new_unwrap("1.3.101.112"),
        Algorithm::Rsa { .. } => return Err(crate::private::rsa("the new key")),
    };
    oid.to_der().map_err(|error| malformed(&error.to_string()))
}

fn point(key: &PublicKey) -> Result<Vec<u8>, KeyError> {
    OctetStringRef::new(key.point()).and_then(|point| point.to_der()).map_err(|error| malformed(&error.to_string()))
}

fn malformed(reason: &str) -> KeyError {
    KeyError::Malformed { name: "the new key".into(), wanted: "key for a token", reason: reason.to_owned() }
}
