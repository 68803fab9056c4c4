//! A key in an encrypted file.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey};
use pkcs8::der::SecretDocument;
use pkcs8::der::pem::{self, PemLabel};
use pkcs8::pkcs5::pbes2::{Kdf, Parameters};
use pkcs8::pkcs5::scrypt;
use pkcs8::{EncodePrivateKey, EncryptedPrivateKeyInfoRef, LineEnding, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use crate::public::from_first_label;
use crate::{Algorithm, Custody, Hash, KeyError, KeyUri, Message, Passphrase, Person, PublicKey, Signature, Signer};

const FILE_LIMIT: u64 = 64 << 10;

/// scrypt with N = 2^14, r = 8, p = 5: as dear to guess as OWASP's first choice (N = 2^17, p = 1), and within the 32 MiB
/// that OpenSSL allows scrypt by default, so that `openssl pkey` opens our files.
const LOG_N: u8 = 14;
const R: u32 = 8;
const P: u32 = 5;

/// Bounds on what a key file may make us spend: 256 MiB and some seconds.
const MOST_COST: u64 = 1 << 20;
const MOST_MEMORY: u64 = 256 << 20;
const MOST_PARALLEL: u16 = 32;
const MOST_ITERATIONS: u32 = 10_000_000;

/// An encrypted key as it lies in a file, not yet unlocked. It is read as the user who owns it and may then be
/// carried to where that user's rights are gone.
pub struct KeyFile {
    name: String,
    pem: Zeroizing<String>,
    exposed: bool,
}

/// A key that was unlocked.
pub struct FileSigner {
    uri: KeyUri,
    name: String,
    key: SigningKey,
    public: PublicKey,
}

impl KeyFile {
    /// Reads a file, and of its content no more than its PEM label.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let pem = Zeroizing::new(read_bounded(path, FILE_LIMIT)?);
        let mode = fs::metadata(path)
            .map_err(|source| KeyError::File { action: "read", path: path.to_owned(), source })?
            .permissions()
            .mode();
        let key = Self { name: path.display().to_string(), pem, exposed: mode & 0o077 != 0 };
        key.check_label()?;
        Ok(key)
    }

    /// What it is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether others than its owner may read the file, which deserves a warning.
    pub fn is_exposed(&self) -> bool {
        self.exposed
    }

    /// Decrypts the key.
    pub fn unlock(&self, passphrase: &Passphrase) -> Result<FileSigner, KeyError> {
        let text = from_first_label(&self.pem).ok_or_else(|| self.malformed("it has no PEM label"))?;
        let (_, document) = SecretDocument::from_pem(text).map_err(|error| self.malformed(&error.to_string()))?;
        let info = EncryptedPrivateKeyInfoRef::try_from(document.as_bytes())
            .map_err(|error| self.malformed(&error.to_string()))?;
        let parameters = info.encryption_algorithm.pbes2().ok_or_else(|| {
            self.malformed(
                "it is encrypted by PBES1, which is broken; encrypt it anew with: openssl pkcs8 -topk8 -scrypt",
            )
        })?;
        self.check_cost(parameters)?;
        // A wrong passphrase shows as bad padding or, once in some hundred times, as a key that is none.
        let wrong = || KeyError::WrongPassphrase(self.name.clone());
        let decrypted = info.decrypt(passphrase.bytes()).map_err(|_| wrong())?;
        let plain = PrivateKeyInfoRef::try_from(decrypted.as_bytes()).map_err(|_| wrong())?;
        let key = SigningKey::try_from(plain)
            .map_err(|_| KeyError::Algorithm { name: self.name.clone(), algorithm: "another algorithm".into() })?;
        FileSigner::new(self.name.clone(), key)
    }

    fn check_label(&self) -> Result<(), KeyError> {
        let text = from_first_label(&self.pem).ok_or_else(|| {
            self.malformed(
                "it has no line -----BEGIN ENCRYPTED PRIVATE KEY-----; make a key with: plimsoll key generate",
            )
        })?;
        let label = pem::decode_label(text.as_bytes()).map_err(|error| self.malformed(&error.to_string()))?;
        match label {
            _ if label == EncryptedPrivateKeyInfoRef::PEM_LABEL => Ok(()),
            "PRIVATE KEY" | "EC PRIVATE KEY" => Err(self.malformed(
                "it is not encrypted; encrypt it with: openssl pkcs8 -topk8 -scrypt -in PLAIN.key -out NEW.key",
            )),
            "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => Err(self.malformed(
                "it is in cosign's own format; make a key with plimsoll key generate (cosign verifies what it signs)",
            )),
            "PUBLIC KEY" => Err(self.malformed("it is a public key; name the .key file that belongs to it")),
            other => Err(self.malformed(&format!("it holds {other:?}"))),
        }
    }

    /// A file may ask for any amount of memory and time before the passphrase is even tried.
    fn check_cost(&self, parameters: &Parameters) -> Result<(), KeyError> {
        let fits = match &parameters.kdf {
            Kdf::Scrypt(kdf) => {
                let cost = kdf.cost_parameter;
                cost.is_power_of_two()
                    && (2..=MOST_COST).contains(&cost)
                    && (1..=MOST_PARALLEL).contains(&kdf.parallelization)
                    && kdf.block_size > 0
                    && cost.saturating_mul(128 * u64::from(kdf.block_size)) <= MOST_MEMORY
            }
            Kdf::Pbkdf2(kdf) => kdf.iteration_count <= MOST_ITERATIONS,
            _ => false,
        };
        if fits { Ok(()) } else { Err(self.malformed("its key derivation asks for too much memory or time")) }
    }

    fn malformed(&self, reason: &str) -> KeyError {
        KeyError::Malformed { name: self.name.clone(), wanted: "encrypted private key", reason: reason.to_owned() }
    }
}

impl FileSigner {
    /// Makes a new key and writes it: `path` with the encrypted private half (mode 0600), beside it the same name with
    /// `.pub` for its extension. Neither may exist; either both are written or none.
    pub fn generate(path: &Path, passphrase: &Passphrase) -> Result<(Self, PathBuf), KeyError> {
        let public_path = Self::check_new(path)?;
        let key = generate_key()?;
        let pem = encrypt(&key, passphrase, path)?;
        let signer = Self::new(path.display().to_string(), key)?;
        write_new(path, pem.as_bytes(), 0o600)?;
        if let Err(error) = write_new(&public_path, signer.public.to_pem().as_bytes(), 0o644) {
            let _ = fs::remove_file(path);
            return Err(error);
        }
        Ok((signer, public_path))
    }

    /// Whether a new key may be written to `path`; gives the path of its public half.
    pub fn check_new(path: &Path) -> Result<PathBuf, KeyError> {
        let public_path = path.with_extension("pub");
        if public_path == path {
            return Err(KeyError::Uri {
                uri: path.display().to_string(),
                reason: "a private key's file cannot end in .pub; that name is its public half's".into(),
            });
        }
        for path in [path, &public_path] {
            if path.symlink_metadata().is_ok() {
                return Err(KeyError::Exists(path.to_owned()));
            }
        }
        Ok(public_path)
    }

    fn new(name: String, key: SigningKey) -> Result<Self, KeyError> {
        let point = key.verifying_key().to_sec1_bytes();
        let public = PublicKey::from_point(Algorithm::EcdsaP256, &point)?;
        Ok(Self { uri: KeyUri::File(PathBuf::from(&name)), name, key, public })
    }

    fn sign_message(&self, message: &Message<'_>) -> Result<Signature, KeyError> {
        let failed = |reason: String| KeyError::Sign { name: self.name.clone(), reason };
        if !matches!(message.hash, None | Some(Hash::Sha256)) {
            return Err(failed("keys on P-256 sign with SHA-256".into()));
        }
        let signature: DerSignature = self.key.try_sign(message.bytes).map_err(|error| failed(error.to_string()))?;
        Ok(Signature::new(Algorithm::EcdsaP256, signature.as_bytes().to_vec()))
    }
}

impl Signer for FileSigner {
    fn uri(&self) -> &KeyUri {
        &self.uri
    }

    fn public_key(&self) -> PublicKey {
        self.public.clone()
    }

    fn custody(&self) -> Custody {
        Custody::File
    }

    fn sign(&self, batch: &[Message<'_>], _: &dyn Person) -> Result<Vec<Signature>, KeyError> {
        batch.iter().map(|message| self.sign_message(message)).collect()
    }
}

fn generate_key() -> Result<SigningKey, KeyError> {
    // A random number is no key once in 2^32 times (RFC 6979's curve order is a little below 2^256): draw again.
    for _ in 0..8 {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        getrandom::fill(bytes.as_mut()).map_err(|error| KeyError::Random(error.to_string()))?;
        if let Ok(key) = SigningKey::from_slice(bytes.as_ref()) {
            return Ok(key);
        }
    }
    Err(KeyError::Random("eight times in a row what came was no key".into()))
}

fn encrypt(key: &SigningKey, passphrase: &Passphrase, path: &Path) -> Result<Zeroizing<String>, KeyError> {
    let fail = |reason: String| KeyError::Malformed {
        name: path.display().to_string(),
        wanted: "key that can be encrypted",
        reason,
    };
    let mut salt = [0_u8; 16];
    let mut iv = [0_u8; 16];
    getrandom::fill(&mut salt).map_err(|error| KeyError::Random(error.to_string()))?;
    getrandom::fill(&mut iv).map_err(|error| KeyError::Random(error.to_string()))?;
    let cost = scrypt::Params::new(LOG_N, R, P).map_err(|error| fail(error.to_string()))?;
    let parameters = Parameters::generate_scrypt_aes256cbc(cost, &salt, iv).map_err(|error| fail(error.to_string()))?;
    let plain = key.to_pkcs8_der().map_err(|error| fail(error.to_string()))?;
    let plain = PrivateKeyInfoRef::try_from(plain.as_bytes()).map_err(|error| fail(error.to_string()))?;
    plain
        .encrypt_with_params(parameters, passphrase.bytes())
        .map_err(|error| fail(error.to_string()))?
        .to_pem(EncryptedPrivateKeyInfoRef::PEM_LABEL, LineEnding::LF)
        .map_err(|error| fail(error.to_string()))
}

/// Reads a small text file, and never more than `limit` bytes of it.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> Result<String, KeyError> {
    let fail = |source| KeyError::File { action: "read", path: path.to_owned(), source };
    let file = File::open(path).map_err(fail)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    file.take(limit + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > limit {
        return Err(fail(io::Error::other(format!("it is larger than {limit} bytes, so it is no key"))));
    }
    std::str::from_utf8(&bytes)
        .map(str::to_owned)
        .map_err(|_| fail(io::Error::other("it is no text, so it is no PEM key")))
}

/// Writes a file whole or not at all, and never over another: it is written and synced under a name of its own, then
/// linked to its name, which fails where that exists.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), KeyError> {
    let fail = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyError::Exists(path.to_owned()),
        _ => KeyError::File { action: "write", path: path.to_owned(), source },
    };
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut random = [0_u8; 8];
    getrandom::fill(&mut random).map_err(|error| KeyError::Random(error.to_string()))?;
    let draft = folder.join(format!(".plimsoll-key-{:016x}", u64::from_ne_bytes(random)));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::hard_link(&draft, path)
    })();
    let removed = fs::remove_file(&draft);
    written.map_err(fail)?;
    removed.map_err(fail)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(fail)
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyFile({})", self.name)
    }
}

impl fmt::Debug for FileSigner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "FileSigner({})", self.name)
    }
}
