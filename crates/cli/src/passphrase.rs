//! Asking a person for the passphrase of a key that is about to be made.

use anyhow::{Context as _, Result, bail};
use keys::Passphrase;
use zeroize::Zeroizing;

/// What to do where there is nobody to ask.
const ELSEWHERE: &str = "there is no terminal to ask for the passphrase; give it with --passphrase-fd N, as systemd \
                         credential plimsoll-passphrase, or, weakest, in PLIMSOLL_PASSPHRASE";

/// Asks twice.
pub(crate) fn choose(name: &str) -> Result<Passphrase> {
    let first = typed(&format!("New passphrase for {name}: "))?;
    let second = typed("The same again: ")?;
    if !first.same_as(&second) {
        bail!("the two passphrases differ; nothing was written");
    }
    Ok(first)
}

fn typed(prompt: &str) -> Result<Passphrase> {
    let text = Zeroizing::new(rpassword::prompt_password(crate::output::plain(prompt)).context(ELSEWHERE)?);
    Ok(Passphrase::new(&text, "the terminal")?)
}
