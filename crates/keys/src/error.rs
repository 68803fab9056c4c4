//! Why a key could not be made, read or used.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::piv::CardError;
use crate::pkcs11::TokenError;

/// Why a key could not be made, read or used.
#[derive(Debug, Error)]
pub enum KeyError {
    /// The text or file is no key of the wanted kind.
    #[error("{name} is no {wanted}: {reason}")]
    Malformed {
        /// What was read: a file's path, or `the public key`.
        name: String,
        /// What it should have been.
        wanted: &'static str,
        /// What was found, and what to do.
        reason: String,
    },
    /// A key of an algorithm that is not used here.
    #[error(
        "{name} is a key for {algorithm}; ECDSA on P-256 or P-384, Ed25519 and, to verify only, RSA with 2048 to 8192 bits are supported"
    )]
    Algorithm {
        /// What was read.
        name: String,
        /// Its algorithm, by name where it is known, else by object identifier.
        algorithm: String,
    },
    /// A file could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// `read`, `write`, …
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A new key would have replaced an old one.
    #[error("{} exists already and is never overwritten; choose another name or move it away", .0.display())]
    Exists(PathBuf),
    /// The passphrase does not open the key.
    #[error("the passphrase does not open {0}")]
    WrongPassphrase(String),
    /// There is no passphrase, or an empty one.
    #[error(
        "{0} gave an empty passphrase, and no key is under such: it would be open to everybody who can read its file"
    )]
    EmptyPassphrase(String),
    /// There is a place for a PIN, and nothing in it.
    #[error("{0} gave an empty PIN; nothing was tried with it")]
    EmptyPin(String),
    /// A passphrase or PIN could not be read.
    #[error("cannot read the secret from {name}: {source}")]
    Secret {
        /// Where it should have come from.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// A key's name has a scheme that nothing here serves.
    #[error("{uri:?} does not name a key: {reason}")]
    Uri {
        /// What was given.
        uri: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No key was named and there is no single one to take.
    #[error("{0}")]
    NoDefault(String),
    /// The system gave no random bytes.
    #[error("the system gave no random bytes: {0}")]
    Random(String),
    /// A signature does not belong to the message and key.
    #[error("the signature does not match the key {0} and what it should have signed")]
    BadSignature(String),
    /// A person would have to answer, and there is none.
    #[error("there is nobody to ask for {0}")]
    NobodyToAsk(Unasked),
    /// The person gave up.
    #[error("cancelled; nothing was signed")]
    Cancelled,
    /// A card did not do what it was asked.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The PIN of the surroundings was wrong.
    #[error("{0} refused the PIN that it was given; it was tried once and not again, so that the device is not locked")]
    PinRefused(String),
    /// A wrong PIN would block the device, and the one of the surroundings may be wrong.
    #[error(
        "{0} has one try left for its PIN, and a PIN that no person types is not tried on it: a wrong one would block the \
         device; sign once at a terminal, without --pin-fd, credential and PLIMSOLL_PIN (a device that allows no more than \
         one try in all signs at a terminal only)"
    )]
    LastTry(String),
    /// A PKCS#11 token could not be used.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// What was to be signed is not as it should be; the key was not asked.
    #[error("did not sign {what}: {reason}")]
    Draft {
        /// What was to be signed.
        what: String,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// The key did not sign.
    #[error("{name} could not sign: {reason}")]
    Sign {
        /// The key.
        name: String,
        /// What it said.
        reason: String,
    },
}

/// What nobody was there to be asked for, and what to do instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unasked {
    what: String,
    instead: Option<&'static str>,
}

impl Unasked {
    /// Something that only a person can answer: `the PUK of YubiKey 1`.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), instead: None }
    }

    /// Something that can be said beforehand, too: how, as an order.
    pub fn or(what: impl Into<String>, instead: &'static str) -> Self {
        Self { what: what.into(), instead: Some(instead) }
    }
}

impl fmt::Display for Unasked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}; run this at a terminal", self.what)?;
        self.instead.map_or(Ok(()), |instead| write!(formatter, ", or {instead}"))
    }
}

impl KeyError {
    /// Where nobody could be asked: says how else it can be said, as an order.
    #[must_use]
    pub fn or_instead(self, instead: &'static str) -> Self {
        match self {
            Self::NobodyToAsk(unasked) => Self::NobodyToAsk(Unasked { instead: Some(instead), ..unasked }),
            other => other,
        }
    }
}
