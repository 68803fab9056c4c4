//! `plimsoll sign`: sign an image in its registry.

use std::process::ExitCode;

use anyhow::{Result, bail};
use image::Reference;
use image::client::Client;
use keys::{KeyFile, KeyUri, Nobody, Passphrase, Signer as _};
use time::OffsetDateTime;
use trust::Subject;

use super::key;
use super::{Command, Start};
use crate::house::{House, Needs};
use crate::registries::{Logins, Registries};
use crate::{output, passphrase};

/// Arguments of `plimsoll sign`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Arguments {
    /// The image, as docker names it
    #[arg(value_name = "IMAGE")]
    image: Reference,
    /// The key: a path or file:PATH [default: the single key in $XDG_CONFIG_HOME/plimsoll/keys]
    #[arg(long, value_name = "KEY")]
    key: Option<KeyUri>,
    /// Read the passphrase from the first line of this open file descriptor
    ///
    /// Without it, it is looked for in the systemd credential plimsoll-passphrase, then in PLIMSOLL_PASSPHRASE (the weakest
    /// way: other programs of yours can read it), and then asked for on the terminal.
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
    #[command(flatten)]
    registries: Registries,
}

const HELP: &str = "\
Signs what the image's tag points to now, and writes the signature beside it in the registry, where cosign 3 finds it \
too. For an image of several platforms that is its index, and so all of them. Repository, tag and digest are shown \
before the passphrase is asked for.";

/// What the first half hands to the second.
#[derive(Debug)]
pub(crate) struct Prepared {
    image: Reference,
    key: KeyFile,
    passphrase: Option<Passphrase>,
    logins: Logins,
}

impl Command for Arguments {
    type Prepared = Prepared;
    const NEEDS: Needs = Needs::Folder;

    fn prepare(self, _start: &Start) -> Result<Prepared> {
        let key = KeyFile::read(&key::chosen(self.key.as_ref())?)?;
        if key.is_exposed() {
            eprintln!("warning: others can read {}; close it with: chmod 600 FILE", output::plain(key.name()));
        }
        let passphrase = Passphrase::from_surroundings(self.passphrase_fd)?;
        let logins = self.registries.logins([&self.image]);
        Ok(Prepared { image: self.image, key, passphrase, logins })
    }

    fn execute(prepared: Prepared, _house: House) -> Result<ExitCode> {
        let Prepared { image, key, passphrase, logins } = prepared;
        let client = logins.client();
        let subject = Subject::resolve(&client, &image)?;
        require_tag_points_there(&client, &subject)?;
        let digest = &subject.digest;
        let tag = image.tag.as_deref().unwrap_or("(none)");
        let text = format!(
            "about to sign with {}\n  repository  {}\n  tag         {tag}\n  digest      {digest}",
            key.name(),
            image.repository_name()
        );
        eprintln!("{}", output::plain(&text));
        let passphrase = match passphrase {
            Some(passphrase) => passphrase,
            None => passphrase::ask(key.name())?,
        };
        let signer = key.unlock(&passphrase)?;
        trust::sign(&client, &subject, &[trust::Format::Bundle], &signer, &Nobody, OffsetDateTime::now_utc())?;
        let fingerprint = signer.public_key().fingerprint();
        output::write(format!("signed {}@{digest} by key {fingerprint}\n", image.repository_name()).as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Whoever names tag and digest signs both: that the digest is that tag's must be so.
fn require_tag_points_there(client: &Client, subject: &Subject) -> Result<()> {
    let (Some(tag), Some(_)) = (&subject.reference.tag, &subject.reference.digest) else { return Ok(()) };
    let found = client.tagged(&subject.reference, tag)?.bytes.digest().clone();
    if found != subject.digest {
        bail!("the tag {tag} points to {found} and not to {}; name the tag alone, or the digest alone", subject.digest);
    }
    Ok(())
}
