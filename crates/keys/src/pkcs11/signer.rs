//! A key in a token as a signer.

use std::fmt;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::error::TokenError;
use super::module::Modules;
use super::object::TokenKey;
use super::sign::Unlocked;
use super::token::Token;
use crate::signer::no_digest;
use crate::uri::TokenUri;
use crate::{Algorithm, Custody, Hash, KeyError, KeyUri, Message, Person, PublicKey, Signature, Signer, TouchMoment};

/// A device that has not answered for so long may wait for a finger.
const SOON: Duration = Duration::from_millis(300);
const EACH: Duration = Duration::from_secs(1);
/// How long YubiKeys wait for one.
const PATIENCE: Duration = Duration::from_secs(15);

/// What is signed.
enum Input<'a> {
    Message(Message<'a>),
    Digest(&'a [u8]),
}

/// A key in a token. Each batch is signed in a session of its own: login, signatures, logout; the PIN is
/// remembered until [`Signer::lock`].
pub struct TokenSigner {
    uri: KeyUri,
    token: Token,
    key: TokenKey,
}

impl TokenSigner {
    /// Finds the key that the URI names. The PIN is asked for when it signs.
    pub fn open(modules: &Modules, uri: &TokenUri, person: &dyn Person) -> Result<Self, KeyError> {
        let token = modules.token(uri, person)?;
        let key = token.key(uri, person)?;
        Ok(Self::of(token, key))
    }

    /// A key whose token and description are known.
    pub fn of(token: Token, key: TokenKey) -> Self {
        Self { uri: KeyUri::Pkcs11(Box::new(key.uri(&token))), token, key }
    }

    /// The token.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// The key in it.
    pub fn key(&self) -> &TokenKey {
        &self.key
    }

    /// Signs, and tells a token that has gone from one that refuses.
    fn sign_all(&self, batch: &[Input<'_>], person: &dyn Person) -> Result<Vec<Signature>, KeyError> {
        let _turn = self.token.turn();
        self.sign_once(batch, person).map_err(|error| match error {
            KeyError::Token(TokenError::Refused { token, .. }) if !self.token.is_present() => {
                person.touch(TouchMoment::Removed);
                TokenError::Removed { token }.into()
            }
            other => other,
        })
    }

    fn sign_once(&self, batch: &[Input<'_>], person: &dyn Person) -> Result<Vec<Signature>, KeyError> {
        let session = self.token.session(false)?;
        let opened = self.token.log_in(&session, person)?;
        let unlocked = Unlocked::find(&self.token, &self.key, session, opened)?;
        self.sign_watched(unlocked, batch, person)
    }

    /// Signs in a thread of its own, since a call that waits for a finger cannot be asked how it goes.
    fn sign_watched(
        &self,
        unlocked: Unlocked<'_>,
        batch: &[Input<'_>],
        person: &dyn Person,
    ) -> Result<Vec<Signature>, KeyError> {
        let of = u32::try_from(batch.len()).unwrap_or(u32::MAX);
        std::thread::scope(|scope| {
            let (sender, answers) = mpsc::channel();
            scope.spawn(move || {
                for input in batch {
                    let signed = match input {
                        Input::Message(message) => unlocked.sign(message),
                        Input::Digest(digest) => unlocked.sign_digest(digest),
                    };
                    let failed = signed.is_err();
                    if sender.send(signed).is_err() || failed {
                        break;
                    }
                }
                unlocked.end();
            });
            let mut signatures = Vec::with_capacity(batch.len());
            for number in 1..=of {
                // Dropping the receiver ends the thread after the signature that it is at, which is thrown away.
                signatures.push(self.wait(&answers, (number, of), person)?);
            }
            Ok(signatures)
        })
    }

    fn wait(
        &self,
        answers: &mpsc::Receiver<Result<Signature, KeyError>>,
        (number, of): (u32, u32),
        person: &dyn Person,
    ) -> Result<Signature, KeyError> {
        let start = Instant::now();
        let mut told = false;
        loop {
            match answers.recv_timeout(if told { EACH } else { SOON }) {
                Ok(signed) => {
                    if told {
                        person.touch(if signed.is_ok() { TouchMoment::Touched } else { TouchMoment::TimedOut });
                    }
                    return signed;
                }
                Err(RecvTimeoutError::Timeout) if person.is_cancelled() => {
                    if told {
                        person.touch(TouchMoment::Cancelled);
                    }
                    return Err(KeyError::Cancelled);
                }
                Err(RecvTimeoutError::Timeout) => {
                    // An HSM far away is slow too; only of these it is known that they wait for a finger.
                    if self.token.manufacturer().contains("Yubico") {
                        told = true;
                        let left = PATIENCE.saturating_sub(start.elapsed());
                        person.touch(TouchMoment::Awaited { number, of, left });
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let (name, reason) = (self.uri.to_string(), "its module ended without an answer".to_owned());
                    return Err(KeyError::Sign { name, reason });
                }
            }
        }
    }
}

impl Token {
    /// Waits until nobody else in this process works with a token of the module.
    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        self.module.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Signer for TokenSigner {
    fn uri(&self) -> &KeyUri {
        &self.uri
    }

    fn public_key(&self) -> PublicKey {
        self.key.public.clone()
    }

    fn custody(&self) -> Custody {
        Custody::Token { label: self.token.label().to_owned(), manufacturer: self.token.manufacturer().to_owned() }
    }

    fn sign(&self, batch: &[Message<'_>], person: &dyn Person) -> Result<Vec<Signature>, KeyError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let batch: Vec<_> = batch.iter().copied().map(Input::Message).collect();
        self.sign_all(&batch, person)
    }

    fn sign_digest(&self, digest: &[u8], hash: Hash, person: &dyn Person) -> Result<Signature, KeyError> {
        let width = match self.key.public.algorithm() {
            Algorithm::EcdsaP256 => 32,
            Algorithm::EcdsaP384 => 48,
            algorithm @ (Algorithm::Ed25519 | Algorithm::Rsa { .. }) => return Err(no_digest(&self.uri, algorithm)),
        };
        hash.check_length(digest, &self.uri)?;
        // The leftmost bits count (FIPS 186-5 section 6.4.1); not every module cuts off the rest by itself.
        let digest = digest.get(..width).unwrap_or(digest);
        let signature = self.sign_all(&[Input::Digest(digest)], person)?.pop();
        signature
            .ok_or_else(|| KeyError::Sign { name: self.uri.to_string(), reason: "it gave no signature".to_owned() })
    }

    fn lock(&self) {
        self.token.lock();
    }

    fn certificate(&self) -> Result<Option<Vec<u8>>, KeyError> {
        Ok(self.key.certificate.clone())
    }
}

impl fmt::Debug for TokenSigner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TokenSigner({})", self.uri)
    }
}
