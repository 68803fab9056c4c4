//! `plimsoll key import`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use keys::{ForeignKey, KeyError, KeyUri, Passphrase, PrivateKey};

use super::super::Start;
use super::generate::told;
use super::place::{self, OnCard, Secret};
use super::unlocking::Unlocking;
use crate::{output, person};

/// Arguments of `plimsoll key import`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub(super) struct Arguments {
    /// The file of the key: cosign's, docker's from ~/.docker/trust/private, PEM of any age
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where to: a file, a slot of a card, a token [default: the file's name in $XDG_CONFIG_HOME/plimsoll/keys]
    #[arg(long, value_name = "KEY")]
    to: Option<KeyUri>,
    /// Read the passphrase that the file has now from the first line of this open file descriptor
    #[arg(long, value_name = "N")]
    from_passphrase_fd: Option<u32>,
    #[command(flatten)]
    on_card: OnCard,
    #[command(flatten)]
    unlocking: Unlocking,
}

const HELP: &str = "\
The file is left as it is. An imported key never counts as attested, wherever it goes: copies of it may be anywhere. For a key that \
is proved to be on a card alone, make one there (plimsoll key generate piv:9c).

  plimsoll key import cosign.key
  plimsoll key import ~/.docker/trust/private/0a1b….key --to piv:9c";

/// Does it.
pub(super) fn perform(arguments: &Arguments, start: &Start) -> Result<ExitCode> {
    let foreign = ForeignKey::read(&arguments.file)?;
    let to = if let Some(uri) = &arguments.to {
        place::ended(uri)
    } else {
        let stem = arguments.file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        place::in_folder(&stem.unwrap_or_else(|| "imported".to_owned()))?
    };
    place::check(&to)?;
    let surroundings = arguments.unlocking.look(start)?;
    eprintln!("{}", output::plain(&format!("{} is {}", foreign.name(), foreign.origin())));
    let key = unlock(&foreign, arguments.from_passphrase_fd)?;
    let made =
        place::make(&to, Secret::Brought(Box::new(key)), &arguments.on_card, &surroundings, &*person::at_hand())?;
    let written = output::write(output::plain(&told(&to, &made)).as_bytes());
    written.with_context(|| format!("the key is in {to}, and that could not be told"))?;
    eprintln!("note: the key was made elsewhere, so copies of it may exist, and it never counts as attested");
    Ok(ExitCode::SUCCESS)
}

/// Decrypts it; asks for its passphrase where it has one.
pub(super) fn unlock(foreign: &ForeignKey, descriptor: Option<u32>) -> Result<PrivateKey> {
    if let Some(number) = descriptor {
        return Ok(foreign.unlock(Some(&Passphrase::from_descriptor(number)?))?);
    }
    // cosign's may be under an empty passphrase.
    match foreign.unlock(None) {
        Err(KeyError::WrongPassphrase(_)) => {}
        other => return Ok(other?),
    }
    let typed = keys::typed(&*person::at_hand(), foreign.name(), |typed| foreign.unlock(Some(typed)));
    Ok(typed.map_err(|error| error.or_instead("give it with --from-passphrase-fd N"))?)
}
