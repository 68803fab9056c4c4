//! `plimsoll key backup`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use keys::{FileSigner, KeyFile, KeyUri, Passphrase};

use super::super::Start;
use super::place::with_ending;
use super::unlocking::Unlocking;
use crate::{output, passphrase, person};

/// What every copy means.
pub(super) const NEVER_ATTESTED: &str = "a key of which there is a copy never counts as attested; the other way to survive a lost card is a second card with \
     a key of its own, and a policy that takes either";

/// Arguments of `plimsoll key backup`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub(super) struct Arguments {
    /// The key
    #[arg(value_name = "KEY")]
    key: KeyUri,
    /// The copy; `.key` is added where it is missing, and nothing is overwritten
    #[arg(value_name = "COPY")]
    copy: PathBuf,
    /// Read the copy's passphrase from the first line of this open file descriptor [default: it is asked for]
    #[arg(long, value_name = "N")]
    copy_passphrase_fd: Option<u32>,
    #[command(flatten)]
    unlocking: Unlocking,
}

const HELP: &str = "\
Only a key in a file can be copied. A key on a card or in a token never leaves it: the other way to survive a lost one is a second \
card with a key of its own, and a policy that takes either. A restored key never counts as attested.";

/// Does it.
pub(super) fn perform(arguments: &Arguments, start: &Start) -> Result<ExitCode> {
    let path = match &arguments.key {
        KeyUri::File(path) => path,
        KeyUri::Piv(_) => bail!(
            "{} is on a card, and a card gives no key away. Make a second card with a key of its own (plimsoll key generate \
             piv:9c, with that card plugged in) and name both in the policy; for a key of which copies may exist, make it in a \
             file, back that up, and import it (plimsoll key import FILE --to piv:9c): it never counts as attested then",
            arguments.key
        ),
        KeyUri::Pkcs11(_) => bail!(
            "{} is in a token, and was made so that it cannot be taken out. Make a key in a second token and name both in the \
             policy, or use the token's own way to copy itself, where its maker has one",
            arguments.key
        ),
    };
    let copy = with_ending(&arguments.copy);
    FileSigner::check_new(&copy)?;
    let file = KeyFile::read(path)?;
    let surroundings = arguments.unlocking.look(start)?;
    let key = match surroundings.passphrase {
        Some(passphrase) => file.decrypt(&passphrase)?,
        None => keys::typed(&*person::at_hand(), file.name(), |typed| file.decrypt(typed))?,
    };
    let new = match arguments.copy_passphrase_fd {
        Some(number) => Passphrase::from_descriptor(number)?,
        None => passphrase::choose(&copy.display().to_string(), "give it with --copy-passphrase-fd N")?,
    };
    let (signer, public) = FileSigner::write(&copy, key, &new)?;
    let fingerprint = keys::Signer::public_key(&signer).fingerprint();
    let text =
        format!("copy         {}\npublic key   {}\nfingerprint  {fingerprint}\n", copy.display(), public.display());
    output::write(output::plain(&text).as_bytes())?;
    eprintln!("note: {NEVER_ATTESTED}");
    Ok(ExitCode::SUCCESS)
}
