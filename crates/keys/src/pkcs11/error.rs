//! Why a token could not be used.

use std::path::PathBuf;

use cryptoki::error::{Error, RvError};
use thiserror::Error as ThisError;

use crate::KeyError;

/// Why a token could not be used.
#[derive(Debug, ThisError)]
pub enum TokenError {
    /// No module is known.
    #[error(
        "no PKCS#11 module is named; write it behind the key (pkcs11:token=NAME?module-path=/PATH/TO/MODULE.so), or once \
         in the configuration file (pkcs11-modules = [\"/PATH/TO/MODULE.so\"])"
    )]
    NoModule,
    /// A module's name is that of no file.
    #[error("there is no PKCS#11 module {name} in {}; write its path: module-path=/PATH/TO/MODULE.so", places.join(", "))]
    UnknownModule {
        /// The name.
        name: String,
        /// Where it was looked for.
        places: Vec<String>,
    },
    /// A module does not work.
    #[error("cannot load the PKCS#11 module {}: {reason}", path.display())]
    Module {
        /// Its file.
        path: PathBuf,
        /// What it said.
        reason: String,
    },
    /// No token fits.
    #[error("no token fits {uri}; {there}")]
    NoToken {
        /// What was wanted.
        uri: String,
        /// What is there instead.
        there: String,
    },
    /// No key fits.
    #[error("no key in {token} fits {uri}; {there}")]
    NoKey {
        /// The token.
        token: String,
        /// What was wanted.
        uri: String,
        /// What is there instead.
        there: String,
    },
    /// A new key would stand beside one of the same name.
    #[error("there is a key called {label} in {token} already; it is not overwritten: use it, or take another name")]
    Occupied {
        /// The token.
        token: String,
        /// The label.
        label: String,
    },
    /// The PIN was wrong.
    #[error("the PIN of {token} is wrong{left}")]
    WrongPin {
        /// The token.
        token: String,
        /// How often it may still be, in words, as far as the token tells.
        left: &'static str,
    },
    /// The PIN was wrong too often.
    #[error(
        "the PIN of {token} is locked, since it was wrong too often; its security officer sets a new one \
         (pkcs11-tool --login --login-type so --init-pin; for a YubiKey: ykman piv access unblock-pin)"
    )]
    Locked {
        /// The token.
        token: String,
    },
    /// There is no PIN yet.
    #[error("{token} has no PIN yet; set one with: pkcs11-tool --login --login-type so --init-pin")]
    NoPin {
        /// The token.
        token: String,
    },
    /// It was pulled out; some modules call that an error of the device.
    #[error("{token} does not answer, or is no longer there; nothing was signed. Put it back and try again")]
    Removed {
        /// The token.
        token: String,
    },
    /// A key that wants its PIN for each signature, in a token that cannot be asked so.
    #[error(
        "the key {key} in {token} wants its PIN for each signature, and its module offers no mechanism with which that \
         can be done here (it needs CKM_ECDSA_SHA256 or the like); use the card directly (piv:slot=9c)"
    )]
    PinEachTime {
        /// The token.
        token: String,
        /// The key.
        key: String,
    },
    /// What it said no to.
    #[error("{token} refused when {doing}: {reason}")]
    Refused {
        /// The token.
        token: String,
        /// What was being done.
        doing: &'static str,
        /// What it said.
        reason: String,
    },
}

impl TokenError {
    /// What a call of PKCS#11 said.
    pub(super) fn of(token: &str, doing: &'static str, error: &Error) -> Self {
        let token = token.to_owned();
        match error {
            Error::Pkcs11(
                RvError::DeviceRemoved
                | RvError::DeviceError
                | RvError::TokenNotPresent
                | RvError::SlotIdInvalid
                | RvError::SessionHandleInvalid
                | RvError::SessionClosed,
                _,
            ) => Self::Removed { token },
            Error::Pkcs11(RvError::PinLocked, _) => Self::Locked { token },
            Error::Pkcs11(RvError::UserPinNotInitialized, _) => Self::NoPin { token },
            Error::Pkcs11(code, function) => Self::Refused { token, doing, reason: format!("{code:?} ({function})") },
            other => Self::Refused { token, doing, reason: other.to_string() },
        }
    }
}

/// Names the token and what was being done.
pub(super) fn told<'a>(token: &'a str, doing: &'static str) -> impl Fn(Error) -> KeyError + 'a {
    move |error| TokenError::of(token, doing, &error).into()
}
