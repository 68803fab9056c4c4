//! The person whose key it is, as this program meets them: at a terminal, or not at all.
//!
//! - [`Terminal`] shows and asks at `/dev/tty` (or at the terminal of whoever asked an agent), never on standard input and
//!   output, which belong to whatever the command is part of.
//! - [`Desktop`] shows notifications, asks by buttons under them, and for secrets in a window (`pinentry`).
//! - [`Onlooker`] shows on stderr and can ask nothing.
//! - [`interrupts`] decides what Ctrl-C means: while something is about to be signed it cancels that, and a second one ends
//!   the program; either way the terminal is left as it was found.

mod desktop;
pub(crate) mod interrupts;
mod onlooker;
mod pinentry;
mod terminal;
mod typing;
mod words;

pub(crate) use desktop::Desktop;
pub(crate) use onlooker::Onlooker;
pub(crate) use terminal::Terminal;

use keys::Person;

/// Variables that may hold what unlocks a key. No program that is started needs them, and others of the same user can read
/// them there, as they cannot in this one.
pub(crate) const SECRETS: [&str; 2] = [keys::passphrase::VARIABLE, keys::pin::VARIABLE];

/// The person at this process' terminal, or else whoever reads its stderr.
pub(crate) fn at_hand() -> Box<dyn Person> {
    match Terminal::open() {
        Ok(terminal) => Box::new(terminal),
        Err(_) => Box::new(Onlooker::default()),
    }
}

/// The same, shown this key in what is about to be signed.
pub(crate) fn at_hand_for(key: &str) -> Box<dyn Person> {
    match Terminal::open() {
        Ok(terminal) => {
            terminal.name_key(key);
            Box::new(terminal)
        }
        Err(_) => Box::new(Onlooker { key: Some(key.to_owned()) }),
    }
}
