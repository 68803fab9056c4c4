//! Private keys under a passphrase: PKCS#8 (RFC 5958) with PBES2 (RFC 8018).

use pkcs8::der::SecretDocument;
use pkcs8::pkcs5::pbes2::{Kdf, Parameters};
use pkcs8::pkcs5::scrypt;
use pkcs8::{EncryptedPrivateKeyInfoRef, LineEnding, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use crate::cost;
use crate::private::PrivateKey;
use crate::{KeyError, Passphrase};

/// The label of such a PEM file (RFC 7468 section 11).
pub(crate) const LABEL: &str = "ENCRYPTED PRIVATE KEY";

/// scrypt with N = 2^14, r = 8, p = 5: as dear to guess as OWASP's first choice (N = 2^17, p = 1), and within the 32 MiB
/// that OpenSSL allows scrypt by default, so that `openssl pkey` opens our files.
const LOG_N: u8 = 14;
const R: u32 = 8;
const P: u32 = 5;

const ANEW: &str = "encrypt it anew with: openssl pkcs8 -topk8 -scrypt -in KEY -out NEW.key";

/// Decrypts. `name` is what the key is called in errors.
pub(crate) fn decrypt(der: &[u8], passphrase: &[u8], name: &str) -> Result<PrivateKey, KeyError> {
    let malformed = |reason: &str| malformed(name, reason);
    let info = EncryptedPrivateKeyInfoRef::try_from(der)
        .map_err(|error| malformed(&format!("it is damaged, or encrypted in an unknown way ({error}); {ANEW}")))?;
    let parameters = info
        .encryption_algorithm
        .pbes2()
        .ok_or_else(|| malformed(&format!("it is encrypted by PBES1, which is broken; {ANEW}")))?;
    if !affordable(parameters) {
        return Err(malformed("its key derivation asks for too much memory or time"));
    }
    // A wrong passphrase shows as bad padding or, once in some hundred times, as a key that is none.
    let wrong = || KeyError::WrongPassphrase(name.to_owned());
    let plain = info.decrypt(passphrase).map_err(|_| wrong())?;
    PrivateKey::from_pkcs8(plain.as_bytes(), name).map_err(|error| match error {
        KeyError::Malformed { .. } => wrong(),
        other => other,
    })
}

/// Encrypts, as PEM.
pub(crate) fn encrypt(key: &PrivateKey, passphrase: &Passphrase) -> Result<Zeroizing<String>, KeyError> {
    let fail = |reason: String| KeyError::Malformed {
        name: "the private key".into(),
        wanted: "key that can be encrypted",
        reason,
    };
    let mut salt = [0_u8; 16];
    let mut iv = [0_u8; 16];
    getrandom::fill(&mut salt).map_err(|error| KeyError::Random(error.to_string()))?;
    getrandom::fill(&mut iv).map_err(|error| KeyError::Random(error.to_string()))?;
    let cost = scrypt::Params::new(LOG_N, R, P).map_err(|error| fail(error.to_string()))?;
    let parameters = Parameters::generate_scrypt_aes256cbc(cost, &salt, iv).map_err(|error| fail(error.to_string()))?;
    let plain: SecretDocument = key.to_pkcs8()?;
    let plain = PrivateKeyInfoRef::try_from(plain.as_bytes()).map_err(|error| fail(error.to_string()))?;
    plain
        .encrypt_with_params(parameters, passphrase.bytes())
        .map_err(|error| fail(error.to_string()))?
        .to_pem(LABEL, LineEnding::LF)
        .map_err(|error| fail(error.to_string()))
}

/// A file may ask for any amount of memory and time before the passphrase is even tried.
fn affordable(parameters: &Parameters) -> bool {
    match &parameters.kdf {
        Kdf::Scrypt(kdf) => {
            cost::scrypt_affordable(kdf.cost_parameter, kdf.block_size.into(), kdf.parallelization.into())
        }
        Kdf::Pbkdf2(kdf) => kdf.iteration_count <= cost::MOST_ITERATIONS,
        _ => false,
    }
}

fn malformed(name: &str, reason: &str) -> KeyError {
    KeyError::Malformed { name: name.to_owned(), wanted: "encrypted private key", reason: reason.to_owned() }
}
