//! Exit codes: 0 fine, 1 policy says no, 2 could not do it, 130 interrupted. `run` uses docker's.

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::arguments::Arguments;

/// Policy says no.
pub(crate) const REFUSED: u8 = 1;
/// It could not be done.
pub(crate) const FAILED: u8 = 2;
/// Docker's code for what went wrong before the container's own program ran.
pub(crate) const NOT_RUN: u8 = 125;

/// Prints an error with its causes, each once, and gives the code for "could not do it".
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    eprintln!("plimsoll: {}", crate::output::plain(&sentence(error)));
    ExitCode::from(FAILED)
}

/// Prints what is wrong with a command line, or the help that was asked for, and gives the code for it: 2, but for
/// `run` docker's 125, which says that no program of the container was started.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    // A closed stderr is no reason to answer with another code.
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    let command = Arguments::command();
    let is_verb = |word: &str| command.get_subcommands().any(|verb| verb.get_name() == word);
    let verb = std::env::args().skip(1).find(|word| is_verb(word));
    ExitCode::from(if verb.as_deref() == Some("run") { NOT_RUN } else { FAILED })
}

/// An error with its causes as one line. A cause that its effect has quoted already is left out.
pub(crate) fn sentence(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        if line.is_empty() {
            line = text;
        } else if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_was_quoted_already_is_not_said_twice() {
        let error = anyhow::anyhow!("disk full").context("cannot write report: disk full").context("scan failed");
        assert_eq!(sentence(&error), "scan failed: cannot write report: disk full");
    }
}
