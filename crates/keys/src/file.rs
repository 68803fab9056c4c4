//! A key in an encrypted file.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use pkcs8::der::SecretDocument;
use pkcs8::der::pem;
use zeroize::Zeroizing;

use crate::disk::{read_bounded, write_new};
use crate::public::from_first_label;
use crate::{
    Algorithm, Custody, Hash, KeyError, KeyUri, Message, Nobody, Passphrase, Person, PrivateKey, PublicKey, Signature,
    Signer, encrypted, typed,
};

const FILE_LIMIT: u64 = 64 << 10;

/// An encrypted key as it lies in a file, not yet unlocked. It is read as the user who owns it and may then be
/// carried to where that user's rights are gone.
pub struct KeyFile {
    name: String,
    pem: Zeroizing<String>,
    exposed: bool,
    public: Option<PublicKey>,
    certificate: Option<Vec<u8>>,
}

/// A key in a file, which is decrypted when it first signs.
pub struct FileSigner {
    uri: KeyUri,
    file: KeyFile,
    public: PublicKey,
    /// What unlocks it without a person.
    passphrase: Mutex<Option<Passphrase>>,
    key: Mutex<Option<PrivateKey>>,
}

impl KeyFile {
    /// Reads a file, and of its content no more than its PEM label; and the public half and a certificate, where they lie
    /// beside it (`NAME.pub`, `NAME.crt`).
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let pem = read_bounded(path, FILE_LIMIT)?;
        let mode = fs::metadata(path)
            .map_err(|source| KeyError::File { action: "read", path: path.to_owned(), source })?
            .permissions()
            .mode();
        // Only a help: where it cannot be read, the private half tells as much once it is open.
        let public = PublicKey::read(&path.with_extension("pub")).ok();
        let certificate = certificate_beside(path);
        let key = Self { name: path.display().to_string(), pem, exposed: mode & 0o077 != 0, public, certificate };
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

    /// The public half, where its file lies beside the private one.
    pub fn public_key(&self) -> Option<&PublicKey> {
        self.public.as_ref()
    }

    /// Decrypts the key.
    pub fn unlock(self, passphrase: &Passphrase) -> Result<FileSigner, KeyError> {
        self.unlocked(Some(passphrase.clone()), &Nobody)
    }

    /// The key as a signer: decrypted when it first signs, by `passphrase` or the one that its person types then. Only
    /// where no public half lies beside it, it is decrypted here.
    pub fn open(self, passphrase: Option<Passphrase>, person: &dyn Person) -> Result<FileSigner, KeyError> {
        if let Some(public) = self.public.clone() {
            return Ok(FileSigner::new(self, public, passphrase, None));
        }
        self.unlocked(passphrase, person)
    }

    /// The key as a signer, decrypted now, by `passphrase` or the one that its person types.
    pub fn unlocked(self, passphrase: Option<Passphrase>, person: &dyn Person) -> Result<FileSigner, KeyError> {
        let (passphrase, key) = match passphrase {
            Some(passphrase) => (passphrase.clone(), self.decrypt(&passphrase)?),
            None => typed(person, &self.name, |typed| Ok((typed.clone(), self.decrypt(typed)?)))?,
        };
        let public = key.public_key()?;
        Ok(FileSigner::new(self, public, Some(passphrase), Some(key)))
    }

    /// The secret, for a copy of it under another passphrase or on a device.
    pub fn decrypt(&self, passphrase: &Passphrase) -> Result<PrivateKey, KeyError> {
        let text = from_first_label(&self.pem).ok_or_else(|| self.malformed("it has no PEM label"))?;
        let (_, document) = SecretDocument::from_pem(text).map_err(|error| self.malformed(&error.to_string()))?;
        let key = encrypted::decrypt(document.as_bytes(), passphrase.bytes(), &self.name)?;
        match &self.public {
            Some(public) if key.public_key()? != *public => {
                Err(self.malformed("the .pub file beside it belongs to another key; find out which of them is right"))
            }
            _ => Ok(key),
        }
    }

    fn check_label(&self) -> Result<(), KeyError> {
        let text = from_first_label(&self.pem).ok_or_else(|| {
            self.malformed(
                "it has no line -----BEGIN ENCRYPTED PRIVATE KEY-----; make a key with: plimsoll key generate",
            )
        })?;
        let label = pem::decode_label(text.as_bytes()).map_err(|error| self.malformed(&error.to_string()))?;
        let name = &self.name;
        match label {
            encrypted::LABEL => Ok(()),
            "PRIVATE KEY" | "EC PRIVATE KEY" | "EC PARAMETERS" => {
                Err(self.malformed(&format!("it is not encrypted; take it over with: plimsoll key import {name}")))
            }
            "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => {
                Err(self
                    .malformed(&format!("it is in cosign's own format; take it over with: plimsoll key import {name}")))
            }
            "PUBLIC KEY" => Err(self.malformed("it is a public key; name the .key file that belongs to it")),
            other => Err(self.malformed(&format!("it holds {other:?}"))),
        }
    }

    fn malformed(&self, reason: &str) -> KeyError {
        KeyError::Malformed { name: self.name.clone(), wanted: "encrypted private key", reason: reason.to_owned() }
    }
}

/// A certificate is only a help as well.
fn certificate_beside(path: &Path) -> Option<Vec<u8>> {
    let text = read_bounded(&path.with_extension("crt"), FILE_LIMIT).ok()?;
    crate::pem::certificates(&text).ok()?.into_iter().next()
}

impl FileSigner {
    /// Makes a new key on P-256 and writes it as [`FileSigner::write`] does.
    pub fn generate(path: &Path, passphrase: &Passphrase) -> Result<(Self, PathBuf), KeyError> {
        Self::write(path, PrivateKey::generate(Algorithm::EcdsaP256)?, passphrase)
    }

    /// Writes a key: `path` with the encrypted private half (mode 0600), beside it the same name with `.pub` for its
    /// extension. Neither may exist; either both are written or none.
    pub fn write(path: &Path, key: PrivateKey, passphrase: &Passphrase) -> Result<(Self, PathBuf), KeyError> {
        let public_path = Self::check_new(path)?;
        let pem = encrypted::encrypt(&key, passphrase)?;
        let public = key.public_key()?;
        write_new(path, pem.as_bytes(), 0o600)?;
        if let Err(error) = write_new(&public_path, public.to_pem().as_bytes(), 0o644) {
            let _ = fs::remove_file(path);
            return Err(error);
        }
        let file = KeyFile {
            name: path.display().to_string(),
            pem,
            exposed: false,
            public: Some(public.clone()),
            certificate: None,
        };
        Ok((Self::new(file, public, Some(passphrase.clone()), Some(key)), public_path))
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

    /// Takes the certificate that lies beside the file by now.
    #[must_use]
    pub fn with_certificate_beside(mut self) -> Self {
        self.file.certificate = certificate_beside(Path::new(&self.file.name));
        self
    }

    fn new(file: KeyFile, public: PublicKey, passphrase: Option<Passphrase>, key: Option<PrivateKey>) -> Self {
        let uri = KeyUri::File(PathBuf::from(&file.name));
        Self { uri, file, public, passphrase: Mutex::new(passphrase), key: Mutex::new(key) }
    }

    fn with_key<T>(
        &self,
        person: &dyn Person,
        sign: impl FnOnce(&PrivateKey) -> Result<T, KeyError>,
    ) -> Result<T, KeyError> {
        let mut held = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        let key = match held.take() {
            Some(key) => key,
            None => self.unlocked(person)?,
        };
        let signed = sign(&key);
        *held = Some(key);
        signed
    }

    fn unlocked(&self, person: &dyn Person) -> Result<PrivateKey, KeyError> {
        let given = self.passphrase.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match given {
            Some(passphrase) => self.file.decrypt(&passphrase),
            None => typed(person, &self.file.name, |typed| self.file.decrypt(typed)),
        }
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

    fn sign(&self, batch: &[Message<'_>], person: &dyn Person) -> Result<Vec<Signature>, KeyError> {
        self.with_key(person, |key| batch.iter().map(|message| key.sign(message, &self.file.name)).collect())
    }

    fn sign_digest(&self, digest: &[u8], hash: Hash, person: &dyn Person) -> Result<Signature, KeyError> {
        self.with_key(person, |key| key.sign_digest(digest, hash, &self.file.name))
    }

    fn certificate(&self) -> Result<Option<Vec<u8>>, KeyError> {
        Ok(self.file.certificate.clone())
    }

    fn lock(&self) {
        self.key.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.passphrase.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyFile({})", self.name)
    }
}

impl fmt::Debug for FileSigner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "FileSigner({})", self.file.name)
    }
}
