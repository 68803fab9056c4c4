//! Signatures by a private key in a token, within one session.

use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};

use super::error::{TokenError, told};
use super::login::Opened;
use super::object::TokenKey;
use super::token::Token;
use crate::uri::TokenUri;
use crate::{Algorithm, Hash, KeyError, Message, Scheme, Signature};

const DOING: &str = "a signature was made";

/// A private key that was found after the login.
pub(super) struct Unlocked<'a> {
    token: &'a Token,
    key: &'a TokenKey,
    session: Session,
    opened: Opened,
    private: ObjectHandle,
    /// `CKA_ALWAYS_AUTHENTICATE`: the PIN again for each signature.
    each_time: bool,
}

impl<'a> Unlocked<'a> {
    pub(super) fn find(
        token: &'a Token,
        key: &'a TokenKey,
        session: Session,
        opened: Opened,
    ) -> Result<Self, KeyError> {
        let by_id = TokenUri { id: (!key.id.is_empty()).then(|| key.id.clone()), ..TokenUri::default() };
        let uri = if by_id.id.is_some() {
            by_id
        } else {
            TokenUri { object: Some(key.label.clone()), ..TokenUri::default() }
        };
        let found = token.find(&session, ObjectClass::PRIVATE_KEY, &uri)?;
        let private = *found.first().ok_or_else(|| TokenError::NoKey {
            token: token.name().to_owned(),
            uri: key.described(),
            there: "it has the public half alone".to_owned(),
        })?;
        let attributes = token.attributes(&session, private, &[AttributeType::AlwaysAuthenticate])?;
        let each_time = attributes.contains(&Attribute::AlwaysAuthenticate(true));
        Ok(Self { token, key, session, opened, private, each_time })
    }

    /// Signs, and checks that it was this key.
    pub(super) fn sign(&self, message: &Message<'_>) -> Result<Signature, KeyError> {
        let algorithm = self.key.public.algorithm();
        let (scheme, bytes) = match (algorithm, message.hash) {
            (Algorithm::Ed25519, None) => (Scheme::Ed25519, self.by_edwards(message.bytes)?),
            (Algorithm::EcdsaP256 | Algorithm::EcdsaP384, hash) => {
                let hash = hash.unwrap_or(algorithm.hash());
                (Scheme::Ecdsa(hash), self.by_ecdsa(hash, message.bytes)?)
            }
            (_, hash) => {
                let hash = hash.map_or_else(|| "this hash".to_owned(), |hash| hash.to_string());
                return Err(self.failed(format!("keys for {algorithm} do not sign with {hash}")));
            }
        };
        let signature = Signature::from_fixed(algorithm, &bytes)
            .ok_or_else(|| self.failed(format!("it gave {} bytes that are no signature", bytes.len())))?;
        self.key.public.verify_with(scheme, message.bytes, signature.as_bytes())?;
        Ok(signature)
    }

    /// Signs a digest that somebody else made, and checks that it was this key.
    pub(super) fn sign_digest(&self, digest: &[u8]) -> Result<Signature, KeyError> {
        let algorithm = self.key.public.algorithm();
        if self.each_time {
            let reason = "the token wants the PIN again for each signature, and takes no bare digest then".to_owned();
            return Err(self.failed(reason));
        }
        let bytes =
            self.session.sign(&Mechanism::Ecdsa, self.private, digest).map_err(told(self.token.name(), DOING))?;
        let signature = Signature::from_fixed(algorithm, &bytes)
            .ok_or_else(|| self.failed(format!("it gave {} bytes that are no signature", bytes.len())))?;
        self.key.public.verify_digest(digest, signature.as_bytes())?;
        Ok(signature)
    }

    fn by_ecdsa(&self, hash: Hash, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        if self.each_time {
            let (mechanism, kind) = match hash {
                Hash::Sha256 => (Mechanism::EcdsaSha256, MechanismType::ECDSA_SHA256),
                Hash::Sha384 => (Mechanism::EcdsaSha384, MechanismType::ECDSA_SHA384),
                Hash::Sha512 => (Mechanism::EcdsaSha512, MechanismType::ECDSA_SHA512),
            };
            return self.asked_each_time(&mechanism, kind, message);
        }
        // Every token has the bare mechanism, few those that hash.
        self.session.sign(&Mechanism::Ecdsa, self.private, &hash.of(message)).map_err(told(self.token.name(), DOING))
    }

    fn by_edwards(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mechanism = Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure));
        if self.each_time {
            return self.asked_each_time(&mechanism, MechanismType::EDDSA, message);
        }
        self.session.sign(&mechanism, self.private, message).map_err(told(self.token.name(), DOING))
    }

    /// The PIN goes between the beginning and the bytes (PKCS#11 2.40 base, section 5.6.8), which the crate can do in
    /// parts alone, and so with mechanisms that hash.
    fn asked_each_time(
        &self,
        mechanism: &Mechanism<'_>,
        kind: MechanismType,
        message: &[u8],
    ) -> Result<Vec<u8>, KeyError> {
        let told = told(self.token.name(), DOING);
        let has = self.token.module.calls.get_mechanism_list(self.token.slot).map_err(&told)?;
        if !has.contains(&kind) {
            let (token, key) = (self.token.name().to_owned(), self.key.described());
            return Err(TokenError::PinEachTime { token, key }.into());
        }
        self.session.sign_init(mechanism, self.private).map_err(&told)?;
        self.token.enter(&self.session, UserType::ContextSpecific, &self.opened)?;
        self.session.sign_update(message).map_err(&told)?;
        self.session.sign_final().map_err(&told)
    }

    /// Logs out: no other part of this process inherits the PIN.
    pub(super) fn end(self) {
        // A token that is gone has logged out by itself.
        let _ = self.session.logout();
    }

    fn failed(&self, reason: String) -> KeyError {
        KeyError::Sign { name: format!("{} in {}", self.key.described(), self.token.name()), reason }
    }
}
