//! Where a new key goes: a file, a slot of a card, a token.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use keys::certificate::{self, Subject, validity_from};
use keys::piv::reader::Readers;
use keys::piv::{Device, ManagementKey, NewKey, PcscReaders, Provisioned};
use keys::pkcs11::{NewTokenKey, Token, TokenSigner};
use keys::{
    Algorithm, FileSigner, KeyUri, Person, PinPolicy, PivUri, PrivateKey, Signer, Surroundings, TokenUri, TouchPolicy,
    folder,
};

use super::unlocking::management_key;
use crate::passphrase;

/// What holds for new keys on cards.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "On a card")]
pub(super) struct OnCard {
    /// When a touch is wanted [default: cached, where the card has it; else always]
    #[arg(long, value_name = "WHEN")]
    touch: Option<Touch>,
    /// When the PIN is wanted
    #[arg(long, value_name = "WHEN", default_value = "once")]
    pin_policy: PinWish,
    /// Whom the certificate names, which notation needs [default: the user's name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Destroy the key that the slot holds
    #[arg(long)]
    replace: bool,
    /// Read the management key, in hexadecimal digits, from this open file descriptor, where the card does not keep it
    #[arg(long, value_name = "N")]
    management_key_fd: Option<u32>,
}

impl OnCard {
    /// Who asks for a touch and gets a key without one would believe in it.
    fn check_unasked(&self, to: &KeyUri) -> Result<()> {
        let option = match self {
            Self { touch: Some(_), .. } => "--touch",
            Self { pin_policy: PinWish::Always | PinWish::Never, .. } => "--pin-policy",
            Self { replace: true, .. } => "--replace",
            Self { management_key_fd: Some(_), .. } => "--management-key-fd",
            _ => return Ok(()),
        };
        bail!("{option} is for keys on a card, and {to} is none; leave it out, or name a slot such as piv:9c")
    }
}

/// When a touch is wanted.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Touch {
    /// Once in 15 seconds: one touch for all signatures of an image
    Cached,
    /// For each signature
    Always,
    /// Never: whoever has the PIN signs
    Never,
}

/// When the PIN is wanted.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum PinWish {
    /// Once for all signatures of an image
    Once,
    /// For each signature
    Always,
    /// Never: whoever has the card signs
    Never,
}

/// The secret that a new place gets: drawn where it is kept, or brought.
pub(super) enum Secret {
    /// Made in the file's process, on the card, in the token.
    Drawn(Algorithm),
    /// Brought from elsewhere.
    Brought(Box<PrivateKey>),
}

/// What became of it.
pub(super) struct Made {
    /// The key, ready to sign.
    pub(super) signer: Box<dyn Signer>,
    /// Where the public half was written, for files.
    pub(super) public: Option<PathBuf>,
    /// Whether the device says that it was made inside.
    pub(super) attested: bool,
}

/// Looks whether the place is free, before anybody is asked for a passphrase. A device looks itself.
pub(super) fn check(to: &KeyUri) -> Result<()> {
    if let Some(path) = to.path() {
        FileSigner::check_new(path)?;
    }
    Ok(())
}

/// Puts a key there.
pub(super) fn make(
    to: &KeyUri,
    secret: Secret,
    on_card: &OnCard,
    surroundings: &Surroundings,
    person: &dyn Person,
) -> Result<Made> {
    if !matches!(to, KeyUri::Piv(_)) {
        on_card.check_unasked(to)?;
    }
    match to {
        KeyUri::File(path) => in_file(path, secret, surroundings),
        KeyUri::Piv(uri) => on(*uri, secret, on_card, &surroundings.before(person)),
        KeyUri::Pkcs11(uri) => {
            let token = surroundings.modules.token(uri, person)?;
            in_token(&token, uri, &secret, on_card, &surroundings.before(person))
        }
    }
}

fn in_file(path: &Path, secret: Secret, surroundings: &Surroundings) -> Result<Made> {
    let key = match secret {
        Secret::Drawn(algorithm) => PrivateKey::generate(algorithm)?,
        Secret::Brought(key) => *key,
    };
    let given = surroundings.passphrase.clone();
    let passphrase =
        given.map_or_else(|| passphrase::choose(&path.display().to_string(), keys::PASSPHRASE_BEFOREHAND), Ok)?;
    let (signer, public) = FileSigner::write(path, key, &passphrase)?;
    Ok(Made { signer: Box::new(signer), public: Some(public), attested: false })
}

fn on(uri: PivUri, secret: Secret, on_card: &OnCard, person: &dyn Person) -> Result<Made> {
    let management: Option<ManagementKey> = management_key(on_card.management_key_fd)?;
    let subject = on_card.subject();
    subject.check().context("--name cannot stand in a certificate")?;
    let device = find_card(uri, person)?;
    let algorithm = match &secret {
        Secret::Drawn(algorithm) => *algorithm,
        Secret::Brought(key) => key.algorithm(),
    };
    let new = NewKey {
        algorithm,
        touch: on_card.touch.map(Into::into),
        pin: on_card.pin_policy.into(),
        subject,
        valid: validity_from(SystemTime::now()),
        replace: on_card.replace,
    };
    let Provisioned { signer, attestation } = match secret {
        Secret::Drawn(_) => device.generate(uri.slot(), &new, management.as_ref(), person)?,
        Secret::Brought(key) => device.import(uri.slot(), &key, &new, management.as_ref(), person)?,
    };
    Ok(Made { signer: Box::new(signer), public: None, attested: attestation.is_some() })
}

fn in_token(token: &Token, uri: &TokenUri, secret: &Secret, on_card: &OnCard, person: &dyn Person) -> Result<Made> {
    let label = uri.object.clone().unwrap_or_else(|| "plimsoll".to_owned());
    let new = |algorithm| NewTokenKey { label: label.clone(), id: uri.id.clone(), algorithm };
    let key = match secret {
        Secret::Drawn(algorithm) => token.generate(&new(*algorithm), person)?,
        Secret::Brought(private) => token.import(&new(private.algorithm()), private, person)?,
    };
    let signer = TokenSigner::of(token.clone(), key.clone());
    let valid = validity_from(SystemTime::now());
    let certificate = certificate::self_issued(&signer, &on_card.subject(), valid, person)?;
    token.certify(&key, &certificate, person)?;
    token.lock();
    Ok(Made { signer: Box::new(signer), public: None, attested: false })
}

/// The card that the URI names.
pub(super) fn find_card(uri: PivUri, person: &dyn Person) -> Result<Device> {
    let readers: Arc<dyn Readers> = Arc::new(PcscReaders);
    Ok(Device::find(&readers, uri.serial, person)?)
}

/// A file's name as keys have it: `.key` is added where it is missing.
pub(super) fn with_ending(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    if path.extension().is_none_or(|ending| ending != "key") {
        name.push(".key");
    }
    name.into()
}

/// A key of this name in the calling user's folder, which is made.
pub(super) fn in_folder(name: &str) -> Result<KeyUri> {
    let folder = folder::of_user()?;
    folder::make(&folder)?;
    Ok(KeyUri::File(with_ending(&folder.join(name))))
}

/// What was named, with `.key` where it is a file.
pub(super) fn ended(uri: &KeyUri) -> KeyUri {
    match uri {
        KeyUri::File(path) => KeyUri::File(with_ending(path)),
        other => other.clone(),
    }
}

impl OnCard {
    fn subject(&self) -> Subject {
        let user = || nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten().map(|user| user.name);
        Subject::named(&self.name.clone().or_else(user).unwrap_or_else(|| "plimsoll".to_owned()))
    }
}

impl From<Touch> for TouchPolicy {
    fn from(touch: Touch) -> Self {
        match touch {
            Touch::Cached => Self::Cached,
            Touch::Always => Self::Always,
            Touch::Never => Self::Never,
        }
    }
}

impl From<PinWish> for PinPolicy {
    fn from(wish: PinWish) -> Self {
        match wish {
            PinWish::Once => Self::Once,
            PinWish::Always => Self::Always,
            PinWish::Never => Self::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keys_file_ends_in_key_whatever_was_typed() {
        for (typed, path) in [("release", "release.key"), ("a/v1.2", "a/v1.2.key"), ("release.key", "release.key")] {
            assert_eq!(with_ending(Path::new(typed)), Path::new(path));
        }
    }
}
