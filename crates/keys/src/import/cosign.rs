//! cosign's private keys: PKCS#8 in NaCl's secretbox under scrypt, as JSON
//! (secure-systems-lab/go-securesystemslib, `encrypted`).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use crypto_secretbox::aead::{Aead as _, KeyInit as _};
use crypto_secretbox::{Nonce, XSalsa20Poly1305};
use pkcs8::pkcs5::scrypt;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::malformed;
use crate::KeyError;
use crate::cost::scrypt_affordable;

#[derive(Deserialize)]
struct Written {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Deserialize)]
struct Kdf {
    name: String,
    params: Params,
    salt: String,
}

#[derive(Deserialize)]
#[allow(non_snake_case, reason = "the format's own name")]
struct Params {
    N: u64,
    r: u64,
    p: u64,
}

#[derive(Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

/// Gives the PKCS#8 inside.
pub(super) fn decrypt(json: &[u8], passphrase: &[u8], name: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let wrong = |reason: &str| malformed(name, reason);
    let written: Written =
        serde_json::from_slice(json).map_err(|error| wrong(&format!("it is not what cosign writes: {error}")))?;
    let Kdf { name: derivation, params: Params { N: cost, r, p }, salt } = &written.kdf;
    if derivation != "scrypt" || written.cipher.name != "nacl/secretbox" {
        return Err(wrong(&format!(
            "it is encrypted by {derivation:?} and {:?}, which are unknown",
            written.cipher.name
        )));
    }
    if !scrypt_affordable(*cost, *r, *p) {
        return Err(wrong("its key derivation asks for too much memory or time"));
    }
    let decode =
        |text: &str| BASE64_STANDARD.decode(text).map_err(|error| wrong(&format!("its base64 is wrong: {error}")));
    let (salt, nonce, ciphertext) = (decode(salt)?, decode(&written.cipher.nonce)?, decode(&written.ciphertext)?);
    let nonce: [u8; 24] = nonce.try_into().map_err(|_| wrong("its nonce has not 24 bytes"))?;
    let (block, lanes) = (u32::try_from(*r).unwrap_or(0), u32::try_from(*p).unwrap_or(0));
    let exponent = u8::try_from(cost.trailing_zeros()).unwrap_or(0);
    let params = scrypt::Params::new(exponent, block, lanes).map_err(|error| wrong(&error.to_string()))?;
    let mut key = Zeroizing::new([0_u8; 32]);
    scrypt::scrypt(passphrase, &salt, &params, key.as_mut()).map_err(|error| wrong(&error.to_string()))?;
    // The key is wiped with the cipher, and with `key`.
    XSalsa20Poly1305::new_from_slice(key.as_ref())
        .map_err(|error| wrong(&error.to_string()))?
        .decrypt(&Nonce::from(nonce), ciphertext.as_slice())
        .map(Zeroizing::new)
        .map_err(|_| KeyError::WrongPassphrase(name.to_owned()))
}
