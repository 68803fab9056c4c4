//! Asking a person for the passphrase of a key that is about to be made.

use anyhow::Result;
use keys::{KeyError, Passphrase, Unasked};

use crate::output::plain;
use crate::person::Terminal;

/// How often two that differ are asked for anew.
const TRIES: usize = 3;

/// Asks twice. `instead` says how it is given where there is nobody to ask, as an order.
pub(crate) fn choose(name: &str, instead: &'static str) -> Result<Passphrase> {
    let what = format!("a new passphrase for {name}");
    let Ok(terminal) = Terminal::open() else { return Err(KeyError::NobodyToAsk(Unasked::or(what, instead)).into()) };
    for _ in 0..TRIES {
        let first = terminal.secret(&format!("New passphrase for {}: ", plain(name)), &what)?;
        if first.is_empty() {
            return Err(KeyError::EmptyPassphrase("the terminal".to_owned()).into());
        }
        if first == terminal.secret("The same again: ", &what)? {
            return Ok(Passphrase::new(&first, "the terminal")?);
        }
        terminal.say("the two differ\n");
    }
    anyhow::bail!("the two passphrases differ; nothing was written")
}
