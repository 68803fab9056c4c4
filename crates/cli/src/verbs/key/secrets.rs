//! `plimsoll key protect`, `change-pin`, `change-puk`, `unblock-pin`: the secrets of a card.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use keys::KeyUri;
use keys::piv::{Device, system};

use super::unlocking::management_key;
use crate::person::Terminal;
use crate::{output, person};

/// Arguments of `plimsoll key protect`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Asks for a new PIN and PUK where the card still has those of the factory, which everybody knows, and sets a random management key, which the \
card keeps and the PIN opens, where Yubico's tools look for it.")]
pub(super) struct Protect {
    #[command(flatten)]
    card: Card,
    /// Set a new management key even where it is not the factory's
    #[arg(long)]
    new_management_key: bool,
    /// Read the present management key, in hexadecimal digits, from this open file descriptor, where the card does not keep it
    #[arg(long, value_name = "N", requires = "new_management_key")]
    management_key_fd: Option<u32>,
}

/// Which card.
#[derive(Debug, clap::Args)]
pub(super) struct Card {
    /// The card, as piv:serial=12345678 [default: the only one]
    #[arg(value_name = "CARD", default_value = "piv:")]
    uri: KeyUri,
}

impl Card {
    fn find(&self) -> Result<Device> {
        let KeyUri::Piv(uri) = &self.uri else { bail!("{} is no card; name it as piv:serial=12345678", self.uri) };
        Ok(Device::find(&system(), uri.serial, &*person::at_hand())?)
    }
}

/// Of firmware before 5.3.
pub(super) const PUK_UNKNOWN: &str = "this firmware does not tell whether its PUK is still the factory's, which everybody knows and \
                                      which sets another PIN; if it was never changed, do so: plimsoll key change-puk";

/// Changes what is still from the factory.
pub(super) fn protect(arguments: &Protect) -> Result<ExitCode> {
    let management = management_key(arguments.management_key_fd)?;
    let device = arguments.card.find()?;
    let person = person::at_hand();
    let mut done = device.protect(&*person)?;
    if arguments.new_management_key && !done.changed.contains(&"management key") {
        device.set_management_key(management.as_ref(), &*person)?;
        done.changed.push("management key");
    }
    if done.changed.is_empty() {
        said(&format!("nothing of {} was from the factory", device.name()))?;
    } else {
        said(&format!("changed of {}: {}", device.name(), done.changed.join(", ")))?;
    }
    if done.puk_unknown {
        eprintln!("note: {PUK_UNKNOWN}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Sets another PIN in place of the present one.
pub(super) fn change_pin(card: &Card) -> Result<ExitCode> {
    let device = card.find()?;
    device.change_pin(&at_terminal()?)?;
    said(&format!("changed the PIN of {}", device.name()))
}

/// Sets another PUK in place of the present one.
pub(super) fn change_puk(card: &Card) -> Result<ExitCode> {
    let device = card.find()?;
    device.change_puk(&at_terminal()?)?;
    said(&format!("changed the PUK of {}", device.name()))
}

/// Sets another PIN by the PUK.
pub(super) fn unblock_pin(card: &Card) -> Result<ExitCode> {
    let device = card.find()?;
    device.unblock_pin(&at_terminal()?)?;
    said(&format!("set a new PIN of {}", device.name()))
}

/// Secrets of a card are changed by whoever types them, and by nobody else.
fn at_terminal() -> Result<Terminal> {
    Terminal::open()
        .context("this asks for a card's secrets, old and new, and takes them from nowhere else; run it at a terminal")
}

fn said(text: &str) -> Result<ExitCode> {
    output::write(output::plain(&format!("{text}\n")).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
