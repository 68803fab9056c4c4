//! `plimsoll key`: make and show signing keys, as the calling user throughout: nothing from outside is read.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Subcommand;
use keys::{FileSigner, KeyFile, KeyUri, Passphrase, PublicKey, Signer as _, folder};

use super::Start;
use crate::{output, passphrase};

/// Arguments of `plimsoll key`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make a new key, encrypted under a passphrase
    Generate(Generate),
    /// Print a key's public half
    Show(Show),
}

/// Arguments of `plimsoll key generate`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Makes NAME.key (private, encrypted, readable by you alone) and NAME.pub (public). Neither is ever overwritten.")]
struct Generate {
    /// Where to: a path or file:PATH; `.key` is added where it is missing
    /// [default: default.key in $XDG_CONFIG_HOME/plimsoll/keys]
    #[arg(value_name = "FILE")]
    key: Option<KeyUri>,
    /// Read the passphrase from the first line of this open file descriptor
    ///
    /// Without it, it is looked for in the systemd credential plimsoll-passphrase, then in PLIMSOLL_PASSPHRASE (the weakest
    /// way: other programs of yours can read it), and then asked for on the terminal.
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
}

/// Arguments of `plimsoll key show`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Prints fingerprint and public key, in a form that cosign and policies read.")]
struct Show {
    /// The key: its private or its public file [default: the single key in $XDG_CONFIG_HOME/plimsoll/keys]
    #[arg(value_name = "FILE")]
    key: Option<KeyUri>,
    /// Read the passphrase from the first line of this open file descriptor, should it be needed
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
}

/// Does it.
pub(crate) fn perform(arguments: Arguments, _start: &Start) -> Result<ExitCode> {
    match arguments.what {
        What::Generate(arguments) => generate(&arguments),
        What::Show(arguments) => show(&arguments),
    }
}

fn generate(arguments: &Generate) -> Result<ExitCode> {
    let path = if let Some(uri) = &arguments.key {
        with_ending(file_of(uri)?)
    } else {
        let folder = folder::of_user()?;
        folder::make(&folder)?;
        folder.join("default.key")
    };
    let name = path.display().to_string();
    // Before the passphrase is asked for: whoever has typed one twice does not want to hear of it then.
    FileSigner::check_new(&path)?;
    let passphrase = match Passphrase::from_surroundings(arguments.passphrase_fd)? {
        Some(passphrase) => passphrase,
        None => passphrase::choose(&name)?,
    };
    let (signer, public) = FileSigner::generate(&path, &passphrase)?;
    let text = format!(
        "private key  {name}\npublic key   {}\nfingerprint  {}\n",
        public.display(),
        signer.public_key().fingerprint()
    );
    output::write(output::plain(&text).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn show(arguments: &Show) -> Result<ExitCode> {
    let path = chosen(arguments.key.as_ref())?;
    let public = path.with_extension("pub");
    let key = if path.extension().is_some_and(|ending| ending == "pub") || public.exists() {
        PublicKey::read(&public)?
    } else {
        let file = KeyFile::read(&path)?;
        let passphrase = match Passphrase::from_surroundings(arguments.passphrase_fd)? {
            Some(passphrase) => passphrase,
            None => passphrase::ask(file.name())?,
        };
        file.unlock(&passphrase)
            .with_context(|| format!("there is no {} to read instead", public.display()))?
            .public_key()
    };
    let text = format!("key          {}\nfingerprint  {}\n", path.display(), key.fingerprint());
    output::write((output::plain(&text) + &key.to_pem()).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// The key that was named, or the calling user's only one.
pub(crate) fn chosen(key: Option<&KeyUri>) -> Result<PathBuf> {
    match key {
        Some(uri) => Ok(file_of(uri)?.to_owned()),
        None => Ok(folder::single_key(&folder::of_user()?)?),
    }
}

fn file_of(uri: &KeyUri) -> Result<&Path> {
    uri.path().with_context(|| format!("{uri} is no file"))
}

fn with_ending(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    if path.extension().is_none_or(|ending| ending != "key") {
        name.push(".key");
    }
    name.into()
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
