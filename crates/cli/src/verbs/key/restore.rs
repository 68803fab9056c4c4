//! `plimsoll key restore`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use keys::{ForeignKey, KeyUri};

use super::super::Start;
use super::generate::told;
use super::import::unlock;
use super::place::{self, OnCard, Secret};
use super::unlocking::Unlocking;
use crate::{output, person};

/// Arguments of `plimsoll key restore`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "A restored key never counts as attested, also not on a card: the copy is still there.")]
pub(super) struct Arguments {
    /// The copy that `plimsoll key backup` wrote
    #[arg(value_name = "COPY")]
    copy: PathBuf,
    /// Where to: a file, a slot of a card, a token
    #[arg(value_name = "KEY")]
    to: KeyUri,
    /// Read the copy's passphrase from the first line of this open file descriptor
    #[arg(long, value_name = "N")]
    from_passphrase_fd: Option<u32>,
    #[command(flatten)]
    on_card: OnCard,
    #[command(flatten)]
    unlocking: Unlocking,
}

/// Does it.
pub(super) fn perform(arguments: &Arguments, start: &Start) -> Result<ExitCode> {
    let to = place::ended(&arguments.to);
    place::check(&to)?;
    let copy = ForeignKey::read(&arguments.copy)?;
    let surroundings = arguments.unlocking.look(start)?;
    let key = unlock(&copy, arguments.from_passphrase_fd)?;
    let made =
        place::make(&to, Secret::Brought(Box::new(key)), &arguments.on_card, &surroundings, &*person::at_hand())?;
    let written = output::write(output::plain(&told(&to, &made)).as_bytes());
    written.with_context(|| format!("the key is in {to}, and that could not be told"))?;
    eprintln!("note: {}", super::backup::NEVER_ATTESTED);
    Ok(ExitCode::SUCCESS)
}
