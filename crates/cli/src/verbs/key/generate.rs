//! `plimsoll key generate`.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use keys::piv::Ability;
use keys::{Algorithm, CardKey, Custody, KeyUri};

use super::super::Start;
use super::place::{self, Made, OnCard, Secret};
use super::unlocking::Unlocking;
use crate::{output, person};

/// Arguments of `plimsoll key generate`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub(super) struct Arguments {
    /// Where to: a file (`.key` is added where it is missing), a slot of a card, a token
    /// [default: default.key in $XDG_CONFIG_HOME/plimsoll/keys]
    #[arg(value_name = "KEY")]
    key: Option<KeyUri>,
    /// What the key signs with
    #[arg(long, value_name = "ALGORITHM", default_value = "p256")]
    algorithm: Wish,
    #[command(flatten)]
    on_card: OnCard,
    #[command(flatten)]
    unlocking: Unlocking,
}

const HELP: &str = "\
In a file: NAME.key (private, encrypted, readable by you alone) and NAME.pub (public). Neither is ever overwritten.
On a card: the key is made inside and never leaves it; touch and PIN policy are set, a certificate that notation accepts is stored \
beside it. A slot that holds a key is refused, and so are the PIN, PUK and management key of the factory, which are offered to be \
changed.
In a token: the same, as far as the token can; it has no touch.

  plimsoll key generate release
  plimsoll key generate piv:9c --touch always
  plimsoll key generate 'pkcs11:token=NAME;object=release?module-name=softhsm2'";

/// What a key signs with.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Wish {
    /// ECDSA on P-256: what every verifier reads
    P256,
    /// ECDSA on P-384
    P384,
    /// Ed25519; notation does not read it
    Ed25519,
}

/// Does it.
pub(super) fn perform(arguments: &Arguments, start: &Start) -> Result<ExitCode> {
    let to = match &arguments.key {
        Some(uri) => place::ended(uri),
        None => place::in_folder("default")?,
    };
    // Before the passphrase is asked for: whoever has typed one twice does not want to hear of it then.
    place::check(&to)?;
    let surroundings = arguments.unlocking.look(start)?;
    let secret = Secret::Drawn(arguments.algorithm.into());
    let made = place::make(&to, secret, &arguments.on_card, &surroundings, &*person::at_hand())?;
    let written = output::write(output::plain(&told(&to, &made)).as_bytes());
    written.with_context(|| format!("the key is in {to}, and that could not be told"))?;
    if to.path().is_none() && !made.attested {
        eprintln!(
            "note: this device makes no statement that the key was made inside it, so no policy can ask for that"
        );
    }
    if let Custody::Card(CardKey { firmware, .. }) = made.signer.custody()
        && !firmware.has(Ability::Metadata)
    {
        eprintln!("note: {}", super::secrets::PUK_UNKNOWN);
    }
    Ok(ExitCode::SUCCESS)
}

/// What is said of a key that is new somewhere.
pub(super) fn told(to: &KeyUri, made: &Made) -> String {
    let fingerprint = made.signer.public_key().fingerprint();
    match (to.path(), &made.public) {
        (Some(path), Some(public)) => {
            format!("private key  {}\npublic key   {}\nfingerprint  {fingerprint}\n", path.display(), public.display())
        }
        _ => format!(
            "key          {}\nalgorithm    {}\nattested     {}\nfingerprint  {fingerprint}\n",
            made.signer.uri(),
            made.signer.public_key().algorithm(),
            if made.attested { "yes, by itself; plimsoll key attest proves it up to its maker's root" } else { "no" },
        ),
    }
}

impl From<Wish> for Algorithm {
    fn from(wish: Wish) -> Self {
        match wish {
            Wish::P256 => Self::EcdsaP256,
            Wish::P384 => Self::EcdsaP384,
            Wish::Ed25519 => Self::Ed25519,
        }
    }
}
