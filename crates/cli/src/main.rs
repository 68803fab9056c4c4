//! The `plimsoll` command: arguments in, verbs done, exit codes out.
//!
//! Every verb has two halves. `prepare` still runs as the calling user: it opens the files that the command line
//! names and reads the caller's credentials and keys. Then the process becomes the owner of the data folder
//! ([`house::House::enter`]), for good, and `execute` does the rest: whatever comes from an image, an advisory or the
//! network is only ever seen there.

// First: what follows says its remarks by these macros.
#[macro_use]
mod remarks;

mod admission;
mod arguments;
mod caller;
mod exit;
mod holder;
mod house;
mod logging;
mod output;
mod passphrase;
mod person;
mod privileges;
mod registries;
mod revocation;
mod settings;
mod source;
mod stating;
mod stores;
mod verbs;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    if let Some(code) = verbs::agent::plugins::answer() {
        return code;
    }
    let words = match verbs::docker::plugin::calling() {
        verbs::docker::plugin::Calling::Verb(words) => words,
        verbs::docker::plugin::Calling::Done(code) => return code,
    };
    let arguments = match arguments::Arguments::try_parse_from(words) {
        Ok(arguments) => arguments,
        Err(error) => return exit::usage(&error),
    };
    match verbs::perform(arguments) {
        Ok(code) => code,
        Err(error) => exit::report(&error),
    }
}
