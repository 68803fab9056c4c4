//! Private keys as OpenSSL encrypted them before PKCS#8, and docker its first: RFC 1421's headers, a key of one round of
//! MD5 (OpenSSL's `EVP_BytesToKey`), CBC. Only read: it can be guessed at a billion times a second.

use aes::{Aes128, Aes192, Aes256};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use des::TdesEde3;
use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

use super::malformed;
use crate::KeyError;
use crate::armor::Armor;

/// Gives the ECPrivateKey inside.
pub(super) fn decrypt(armor: &Armor, passphrase: &[u8], name: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let wrong = |reason: &str| malformed(name, reason);
    if armor.header("Proc-Type") != Some("4,ENCRYPTED") {
        return Err(wrong("its Proc-Type is not 4,ENCRYPTED"));
    }
    let about = armor.header("DEK-Info").ok_or_else(|| wrong("it lacks the line DEK-Info"))?;
    let (cipher, iv) = about.split_once(',').ok_or_else(|| wrong("its DEK-Info is not CIPHER,IV"))?;
    let iv =
        hexadecimal(iv.trim()).filter(|iv| iv.len() >= 8).ok_or_else(|| wrong("the IV in its DEK-Info is wrong"))?;
    let width = match cipher {
        "AES-128-CBC" => 16,
        "AES-192-CBC" | "DES-EDE3-CBC" => 24,
        "AES-256-CBC" => 32,
        other => return Err(wrong(&format!("it is encrypted by {other}, which is unknown here"))),
    };
    let key = derive(passphrase, &iv[..8], width);
    let bytes = &armor.bytes;
    let plain = match cipher {
        "AES-128-CBC" => open::<cbc::Decryptor<Aes128>>(&key, &iv, bytes),
        "AES-192-CBC" => open::<cbc::Decryptor<Aes192>>(&key, &iv, bytes),
        "AES-256-CBC" => open::<cbc::Decryptor<Aes256>>(&key, &iv, bytes),
        _ => open::<cbc::Decryptor<TdesEde3>>(&key, &iv, bytes),
    };
    match plain {
        Opened::Plain(plain) => Ok(plain),
        Opened::NoPadding => Err(KeyError::WrongPassphrase(name.to_owned())),
        Opened::BadLength => Err(wrong("the IV in its DEK-Info has not the cipher's length")),
    }
}

enum Opened {
    Plain(Zeroizing<Vec<u8>>),
    NoPadding,
    BadLength,
}

fn open<C: KeyIvInit + BlockModeDecrypt>(key: &[u8], iv: &[u8], bytes: &[u8]) -> Opened {
    let Ok(cipher) = C::new_from_slices(key, iv) else { return Opened::BadLength };
    let mut room = Zeroizing::new(bytes.to_vec());
    match cipher.decrypt_padded::<Pkcs7>(&mut room) {
        Ok(plain) => Opened::Plain(Zeroizing::new(plain.to_vec())),
        Err(_) => Opened::NoPadding,
    }
}

/// `EVP_BytesToKey` with MD5 and one round.
fn derive(passphrase: &[u8], salt: &[u8], width: usize) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(48));
    let mut last: Zeroizing<Vec<u8>> = Zeroizing::new(Vec::new());
    while key.len() < width {
        let mut hash = Md5::new();
        hash.update(&last[..]);
        hash.update(passphrase);
        hash.update(salt);
        last = Zeroizing::new(hash.finalize().to_vec());
        key.extend_from_slice(&last);
    }
    key.truncate(width);
    key
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || text.len() > 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}
