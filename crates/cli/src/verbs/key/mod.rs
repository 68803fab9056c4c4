//! `plimsoll key`: signing keys in files, on cards and in tokens, as the calling user throughout: nothing that comes from
//! outside is read but what devices say.

mod attest;
mod backup;
mod delete;
mod generate;
mod import;
mod list;
mod place;
mod restore;
mod secrets;
mod show;
mod unlocking;

use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::Subcommand;
use keys::pkcs11::Modules;
use keys::{KeyError, KeyUri, folder};

use super::Start;

/// Arguments of `plimsoll key`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

const HELP: &str = "\
A key is named by a file's path, a slot of a card or an object in a PKCS#11 token:

  release.key  file:release.key
  piv:  piv:9c  piv:serial=12345678;slot=9c
  pkcs11:token=NAME;object=NAME?module-path=/usr/lib/softhsm/libsofthsm2.so

Modules that are always asked stand in the configuration file: pkcs11-modules = [\"/PATH/TO/MODULE.so\"].";

#[derive(Debug, Subcommand)]
enum What {
    /// Make a new key in a file, on a card or in a token
    Generate(generate::Arguments),
    /// Take over a key of cosign's, docker's or in PEM
    Import(import::Arguments),
    /// List keys in files, on cards and in tokens
    List(list::Arguments),
    /// Print a key's public half and what guards it
    Show(show::Arguments),
    /// Prove that a key was made inside a card
    Attest(attest::Arguments),
    /// Write an encrypted copy of a key that may be copied
    Backup(backup::Arguments),
    /// Bring a copy back, into a file, onto a card or into a token
    Restore(restore::Arguments),
    /// Delete a key for good
    Delete(delete::Arguments),
    /// Change a card's PIN, PUK and management key where they are those of the factory
    Protect(secrets::Protect),
    /// Set another PIN of a card
    ChangePin(secrets::Card),
    /// Set another PUK of a card
    ChangePuk(secrets::Card),
    /// Set a new PIN of a card by its PUK: the way out of a blocked PIN
    UnblockPin(secrets::Card),
}

/// Does it.
pub(crate) fn perform(arguments: Arguments, start: &Start) -> Result<ExitCode> {
    do_it(arguments.what, start).map_err(|error| match error.downcast_ref() {
        // Nothing is signed here, and a card may have a new PIN by now.
        Some(KeyError::Cancelled) => {
            anyhow!("cancelled; nothing more was done, and a PIN or PUK that was changed already stays changed")
        }
        _ => error,
    })
}

fn do_it(what: What, start: &Start) -> Result<ExitCode> {
    match what {
        What::Generate(arguments) => generate::perform(&arguments, start),
        What::Import(arguments) => import::perform(&arguments, start),
        What::List(arguments) => list::perform(&arguments, start),
        What::Show(arguments) => show::perform(&arguments, start),
        What::Attest(arguments) => attest::perform(&arguments, start),
        What::Backup(arguments) => backup::perform(&arguments, start),
        What::Restore(arguments) => restore::perform(&arguments, start),
        What::Delete(arguments) => delete::perform(&arguments, start),
        What::Protect(arguments) => secrets::protect(&arguments),
        What::ChangePin(card) => secrets::change_pin(&card),
        What::ChangePuk(card) => secrets::change_puk(&card),
        What::UnblockPin(card) => secrets::unblock_pin(&card),
    }
}

/// The key that was named, or the calling user's only one in a file.
pub(crate) fn named(key: Option<&KeyUri>) -> Result<KeyUri> {
    if let Some(uri) = key {
        return Ok(uri.clone());
    }
    // What is named here stands alone, without an option before it.
    Ok(KeyUri::File(folder::single_key(&folder::of_user()?, "")?))
}

/// The PKCS#11 modules that the configuration file names.
pub(crate) fn modules(start: &Start) -> Modules {
    Modules(start.settings.pkcs11_modules.clone())
}
