//! Keys in PKCS#11 tokens: SoftHSM, HSMs, smart cards through OpenSC, YubiKeys through ykcs11.
//!
//! 1. [`Modules`] are the libraries that serve tokens, loaded once a process; a [`Token`] is one that is there.
//! 2. [`TokenKey`]s are told by their public keys or certificates, before any PIN.
//! 3. [`TokenSigner`] logs in, signs a batch in one session and logs out.
//! 4. [`Token::generate`], [`Token::import`], [`Token::certify`] and [`Token::delete`] change what is in it.
//!
//! Followed: PKCS#11 2.40 and 3.0 (EdDSA), RFC 7512. Left out: RSA for signing, keys that a token does not keep, the
//! security officer. `dlopen` happens in the crate `cryptoki`.

mod error;
mod login;
mod module;
mod object;
mod provision;
mod sign;
mod signer;
mod token;

pub use error::TokenError;
pub use module::Modules;
pub use object::TokenKey;
pub use provision::NewTokenKey;
pub use signer::TokenSigner;
pub use token::Token;
