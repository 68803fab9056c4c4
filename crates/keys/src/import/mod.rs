//! Keys that people have already: cosign's, docker's of its content trust, and PEM files of all kinds.

mod cosign;
mod legacy;

use std::fmt;
use std::path::Path;

use crate::armor::Armor;
use crate::disk::read_bounded;
use crate::{KeyError, Passphrase, PrivateKey, encrypted};

const FILE_LIMIT: u64 = 64 << 10;

/// A private key in a file of another program's, not yet unlocked. It is read as the user who owns it.
pub struct ForeignKey {
    name: String,
    armor: Armor,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// PKCS#8 (RFC 5958), not encrypted.
    Plain,
    /// PKCS#8, encrypted: OpenSSL's and docker's.
    Encrypted,
    /// ECPrivateKey (RFC 5915), not encrypted.
    Sec1,
    /// ECPrivateKey, encrypted as RFC 1421 did: OpenSSL's and docker's old ones.
    Legacy,
    /// What cosign writes.
    Cosign,
}

impl ForeignKey {
    /// Reads a file and finds out what it is.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let text = read_bounded(path, FILE_LIMIT)?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Finds out what a text is; `name` is what it is called in errors.
    pub fn parse(text: &str, name: &str) -> Result<Self, KeyError> {
        let malformed = |reason: String| malformed(name, &reason);
        let blocks = Armor::all(text).map_err(malformed)?;
        let armor = blocks.into_iter().find(|armor| armor.label != "EC PARAMETERS").ok_or_else(|| {
            malformed(
                "it has no line -----BEGIN …-----; keys are taken over from PEM files, cosign's and docker's".into(),
            )
        })?;
        let form = form(&armor, name)?;
        Ok(Self { name: name.to_owned(), armor, form })
    }

    /// What it is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whose it was, as people say it.
    pub fn origin(&self) -> String {
        match (self.form, self.armor.header("role"), self.armor.header("gun")) {
            (Form::Cosign, ..) => "a key of cosign's".to_owned(),
            (_, Some(role), Some(gun)) => format!("docker's key for the role {role} of {gun}"),
            (_, Some(role), None) => format!("docker's key for the role {role}"),
            (Form::Plain | Form::Sec1, ..) => "a key that is not encrypted".to_owned(),
            (Form::Encrypted | Form::Legacy, ..) => "an encrypted key".to_owned(),
        }
    }

    /// Whether it wants a passphrase. cosign's may be encrypted under an empty one.
    pub fn is_encrypted(&self) -> bool {
        matches!(self.form, Form::Encrypted | Form::Legacy | Form::Cosign)
    }

    /// Decrypts it; without a passphrase only what needs none, and what was encrypted under an empty one.
    pub fn unlock(&self, passphrase: Option<&Passphrase>) -> Result<PrivateKey, KeyError> {
        let (bytes, name) = (&self.armor.bytes, self.name.as_str());
        let typed = passphrase.map(Passphrase::bytes).unwrap_or_default();
        match self.form {
            Form::Plain => PrivateKey::from_pkcs8(bytes, name),
            Form::Sec1 => PrivateKey::from_sec1(bytes, name),
            Form::Encrypted => encrypted::decrypt(bytes, typed, name),
            Form::Legacy => {
                let plain = legacy::decrypt(&self.armor, typed, name)?;
                PrivateKey::from_sec1(&plain, name).map_err(|error| match error {
                    // One wrong passphrase in some hundred leaves right padding around bytes of no meaning.
                    KeyError::Malformed { .. } => KeyError::WrongPassphrase(name.to_owned()),
                    other => other,
                })
            }
            Form::Cosign => {
                let plain = cosign::decrypt(bytes, typed, name)?;
                PrivateKey::from_pkcs8(&plain, name)
            }
        }
    }
}

fn form(armor: &Armor, name: &str) -> Result<Form, KeyError> {
    let refused = |reason: &str| Err(malformed(name, reason));
    match armor.label.as_str() {
        "PRIVATE KEY" => Ok(Form::Plain),
        "ENCRYPTED PRIVATE KEY" => Ok(Form::Encrypted),
        "EC PRIVATE KEY" if armor.header("Proc-Type").is_some() => Ok(Form::Legacy),
        "EC PRIVATE KEY" => Ok(Form::Sec1),
        "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => Ok(Form::Cosign),
        "RSA PRIVATE KEY" => Err(crate::private::rsa(name)),
        "OPENSSH PRIVATE KEY" => refused(
            "it is in OpenSSH's own format; make a copy of it (cp KEY COPY) and rewrite that: ssh-keygen -p -m PKCS8 -f COPY \
             (ECDSA and RSA; Ed25519 it leaves as it is, so make a new one: plimsoll key generate --algorithm ed25519)",
        ),
        "PUBLIC KEY" | "CERTIFICATE" => refused("it is public; name the file of the private key that belongs to it"),
        other => refused(&format!("it holds {other:?}, which is no private key that is known here")),
    }
}

fn malformed(name: &str, reason: &str) -> KeyError {
    KeyError::Malformed {
        name: name.to_owned(),
        wanted: "private key that can be taken over",
        reason: reason.to_owned(),
    }
}

impl fmt::Debug for ForeignKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ForeignKey({}, {:?})", self.name, self.form)
    }
}
