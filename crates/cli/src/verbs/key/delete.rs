//! `plimsoll key delete`.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use keys::piv::Deleted;
use keys::pkcs11::TokenSigner;
use keys::{KeyFile, KeyUri, PivUri, Signer as _, TokenUri};

use super::super::Start;
use super::place::find_card;
use super::unlocking::{Unlocking, management_key};
use crate::{output, person};

/// Arguments of `plimsoll key delete`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Nothing brings a deleted key back but a copy of it. What it signed stays signed: take the key out of policies, or revoke it, where it \
may have fallen into wrong hands.")]
pub(super) struct Arguments {
    /// The key
    #[arg(value_name = "KEY")]
    key: KeyUri,
    /// Do not ask for the key's name to be typed again
    #[arg(long)]
    yes: bool,
    /// Read the card's management key, in hexadecimal digits, from this open file descriptor
    #[arg(long, value_name = "N")]
    management_key_fd: Option<u32>,
    #[command(flatten)]
    unlocking: Unlocking,
}

/// Does it.
pub(super) fn perform(arguments: &Arguments, start: &Start) -> Result<ExitCode> {
    match &arguments.key {
        KeyUri::File(path) => of_file(path, arguments),
        KeyUri::Piv(uri) => of_card(*uri, arguments, start),
        KeyUri::Pkcs11(uri) => of_token(uri, arguments, start),
    }
}

fn of_file(path: &Path, arguments: &Arguments) -> Result<ExitCode> {
    // What is no key is not deleted by this.
    let file = KeyFile::read(path)?;
    confirm(file.name(), arguments.yes)?;
    fs::remove_file(path).with_context(|| format!("cannot delete {}", path.display()))?;
    let public = path.with_extension("pub");
    match fs::remove_file(&public) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error)
                .with_context(|| format!("deleted {}, but cannot delete {}", path.display(), public.display()));
        }
        _ => {}
    }
    said(&format!("deleted {} and its public half; backups of the disk may still have it", file.name()))
}

fn of_card(uri: PivUri, arguments: &Arguments, start: &Start) -> Result<ExitCode> {
    let management = management_key(arguments.management_key_fd)?;
    let surroundings = arguments.unlocking.look(start)?;
    let person = person::at_hand();
    let person = surroundings.before(&*person);
    let device = find_card(uri, &person)?;
    let slot = uri.slot();
    if device.key(slot)?.is_none() {
        bail!("slot {slot:02x} of {} holds no key", device.name());
    }
    let name = KeyUri::Piv(PivUri { serial: device.serial(), slot: Some(slot) }).to_string();
    confirm(&name, arguments.yes)?;
    match device.delete(slot, management.as_ref(), &person)? {
        Deleted::Emptied => said(&format!("deleted {name}")),
        Deleted::Overwritten => said(&format!(
            "destroyed {name}: this firmware deletes nothing, so a new key that nobody will use was made over it"
        )),
    }
}

fn of_token(uri: &TokenUri, arguments: &Arguments, start: &Start) -> Result<ExitCode> {
    let surroundings = arguments.unlocking.look(start)?;
    let person = person::at_hand();
    let person = surroundings.before(&*person);
    let signer = TokenSigner::open(&surroundings.modules, uri, &person)?;
    let name = format!("{} in {}", signer.key().label, signer.token().name());
    confirm(&name, arguments.yes)?;
    signer.token().delete(signer.key(), &person)?;
    signer.lock();
    said(&format!("deleted {name}"))
}

fn said(text: &str) -> Result<ExitCode> {
    output::write(output::plain(&format!("{text}\n")).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Has the name typed again.
fn confirm(name: &str, yes: bool) -> Result<()> {
    if yes {
        return Ok(());
    }
    let terminal = File::options().read(true).write(true).open("/dev/tty");
    let mut terminal = terminal.context("there is no terminal to ask whether it may go; say it with --yes")?;
    let prompt = output::plain(&format!("This deletes the key for good. Type its name, {name}, to go on: "));
    terminal.write_all(prompt.as_bytes()).context("cannot ask on the terminal")?;
    let mut typed = String::new();
    // A name has no line's end and is short.
    BufReader::new(std::io::Read::take(terminal, 8 << 10)).read_line(&mut typed).context("cannot read the answer")?;
    if typed.trim_end_matches(['\n', '\r']) != name {
        bail!("that is not its name; nothing was deleted");
    }
    Ok(())
}
