//! The one thing that every key can do.

use crate::{Algorithm, Attestation, Custody, Hash, KeyError, KeyUri, Person, PublicKey, Signature};

/// A key that can sign. Where its secret is, and what opens it, is its own business.
pub trait Signer: Send + Sync {
    /// How the key is named.
    fn uri(&self) -> &KeyUri;

    /// The public half.
    fn public_key(&self) -> PublicKey;

    /// Where the secret is and what guards it.
    fn custody(&self) -> Custody;

    /// Signs all of `batch`, in order, all or nothing, in one go: one unlock and, where the key can, one touch.
    ///
    /// What will be signed was shown to `person` before. May block for a person's PIN and touch, and asks
    /// [`Person::is_cancelled`] meanwhile. A device is left locked, whatever happens: no other process inherits its PIN
    /// or an open window.
    fn sign(&self, batch: &[Message<'_>], person: &dyn Person) -> Result<Vec<Signature>, KeyError>;

    /// Signs a digest that somebody else made, of which nothing more is known. Keys that hash themselves cannot.
    fn sign_digest(&self, digest: &[u8], hash: Hash, person: &dyn Person) -> Result<Signature, KeyError> {
        let _ = (digest, hash, person);
        let reason = "it signs messages, and no digest that somebody else made".to_owned();
        Err(KeyError::Sign { name: self.uri().to_string(), reason })
    }

    /// The certificate that is stored with the key (X.509, DER), where there is one: notation's signatures carry it.
    fn certificate(&self) -> Result<Option<Vec<u8>>, KeyError> {
        Ok(None)
    }

    /// The device's own statement that the key was made inside it, where it makes such.
    fn attestation(&self) -> Result<Option<Attestation>, KeyError> {
        Ok(None)
    }

    /// Forgets what was unlocked: passphrase, PIN, decrypted key.
    fn lock(&self) {}

    /// Signs one message.
    fn sign_one(&self, message: &[u8], person: &dyn Person) -> Result<Signature, KeyError> {
        let mut signatures = self.sign(&[Message::new(message)], person)?;
        signatures
            .pop()
            .ok_or_else(|| KeyError::Sign { name: self.uri().to_string(), reason: "it gave no signature".to_owned() })
    }
}

/// Ed25519 signs messages only (RFC 8032 section 5.1), and RSA signs nothing here.
pub(crate) fn no_digest(uri: &KeyUri, algorithm: Algorithm) -> KeyError {
    KeyError::Sign {
        name: uri.to_string(),
        reason: format!("keys for {algorithm} sign no digest that somebody else made"),
    }
}

impl Hash {
    /// A digest of another length is none of this hash.
    pub(crate) fn check_length(self, digest: &[u8], uri: &KeyUri) -> Result<(), KeyError> {
        let wanted = self.of(&[]).len();
        if digest.len() == wanted {
            return Ok(());
        }
        let reason = format!("a digest of {self} has {wanted} bytes, and this one has {}", digest.len());
        Err(KeyError::Sign { name: uri.to_string(), reason })
    }
}

/// Bytes to be signed; they are hashed by the signer.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// The hash, where it is not the one that goes with the key ([`crate::Algorithm::hash`]).
    pub hash: Option<Hash>,
}

impl<'a> Message<'a> {
    /// Bytes to be signed with the hash that goes with the key.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, hash: None }
    }
}
