//! How the secrets of a key come in where nobody types them.

use anyhow::{Context as _, Result, bail};
use keys::piv::ManagementKey;
use keys::{Passphrase, Surroundings};

use super::super::Start;

/// Descriptors with secrets.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Secrets")]
pub(crate) struct Unlocking {
    /// Read the passphrase of a file from the first line of this open file descriptor
    ///
    /// Without it, it is looked for in the systemd credential plimsoll-passphrase, then in PLIMSOLL_PASSPHRASE (the weakest
    /// way: other programs of yours can read it), and then asked for on the terminal.
    #[arg(long, value_name = "N")]
    pub(super) passphrase_fd: Option<u32>,
    /// Read the PIN of a card or token from the first line of this open file descriptor
    ///
    /// Without it, it is looked for in the systemd credential plimsoll-pin, then in PLIMSOLL_PIN (the weakest way), and then
    /// asked for on the terminal. It is tried once: a wrong one does not lock the device.
    #[arg(long, value_name = "N")]
    pub(super) pin_fd: Option<u32>,
}

impl Unlocking {
    /// What the surroundings hold.
    pub(crate) fn look(&self, start: &Start) -> Result<Surroundings> {
        Ok(Surroundings::look(self.passphrase_fd, self.pin_fd, super::modules(start))?)
    }
}

/// Reads the management key of a card, in hexadecimal digits.
pub(super) fn management_key(descriptor: Option<u32>) -> Result<Option<ManagementKey>> {
    let Some(number) = descriptor else { return Ok(None) };
    let line = Passphrase::from_descriptor(number).context("cannot read the management key")?;
    match line.as_text().and_then(ManagementKey::from_hex) {
        Some(key) => Ok(Some(key)),
        None => {
            bail!("what file descriptor {number} gave is no management key: it has 32, 48 or 64 hexadecimal digits")
        }
    }
}
