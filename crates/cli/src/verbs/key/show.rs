//! `plimsoll key show`.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use keys::{CardKey, Custody, KeyFile, KeyUri, PublicKey, Signer};

use super::super::Start;
use super::unlocking::Unlocking;
use crate::{output, person};

/// Arguments of `plimsoll key show`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Prints fingerprint and public key, in a form that cosign and policies read, and of a device what it says of the key. Nothing is \
unlocked where a .pub file or the device tells.")]
pub(super) struct Arguments {
    /// The key: its private or its public file, a slot of a card, a token's object
    /// [default: the single key in $XDG_CONFIG_HOME/plimsoll/keys]
    #[arg(value_name = "KEY")]
    key: Option<KeyUri>,
    #[command(flatten)]
    unlocking: Unlocking,
}

/// Does it.
pub(super) fn perform(arguments: &Arguments, start: &Start) -> Result<ExitCode> {
    let uri = super::named(arguments.key.as_ref())?;
    let (text, key) = if let Some(path) = uri.path() {
        let key = of_file(path, arguments, start)?;
        (format!("key          {}\nalgorithm    {}\n", path.display(), key.algorithm()), key)
    } else {
        let surroundings = arguments.unlocking.look(start)?;
        let signer = keys::open(&uri, &surroundings, &*person::at_hand())?;
        (of_device(&*signer)?, signer.public_key())
    };
    let text = format!("{text}fingerprint  {}\n", key.fingerprint());
    output::write((output::plain(&text) + &key.to_pem()).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn of_file(path: &Path, arguments: &Arguments, start: &Start) -> Result<PublicKey> {
    let public = path.with_extension("pub");
    if path.extension().is_some_and(|ending| ending == "pub") || public.exists() {
        return Ok(PublicKey::read(&public)?);
    }
    let file = KeyFile::read(path)?;
    let key = match arguments.unlocking.look(start)?.passphrase {
        Some(passphrase) => file.decrypt(&passphrase),
        None => keys::typed(&*person::at_hand(), file.name(), |typed| file.decrypt(typed)),
    };
    Ok(key.with_context(|| format!("there is no {} to read instead", public.display()))?.public_key()?)
}

/// What a device says of its key, a line each.
pub(super) fn of_device(signer: &dyn Signer) -> Result<String> {
    let mut text = format!("key          {}\nalgorithm    {}\n", signer.uri(), signer.public_key().algorithm());
    match signer.custody() {
        Custody::Card(CardKey { firmware, touch, pin, generated, .. }) => {
            let told = |word: Option<String>| word.unwrap_or_else(|| "the card does not tell".to_owned());
            let _ = writeln!(text, "firmware     {firmware}");
            let _ = writeln!(text, "touch        {}", told(touch.map(|touch| touch.to_string())));
            let _ = writeln!(text, "pin          {}", told(pin.map(|pin| pin.to_string())));
            let origin = generated.map(|inside| if inside { "made on the card" } else { "imported" }.to_owned());
            let _ = writeln!(text, "origin       {}", told(origin));
        }
        Custody::Token { label, manufacturer } => {
            let _ = writeln!(text, "token        {label} ({manufacturer})");
        }
        Custody::File => {}
    }
    let certificate = if signer.certificate()?.is_some() { "yes" } else { "none; notation needs one" };
    let _ = writeln!(text, "certificate  {certificate}");
    Ok(text)
}
