//! `plimsoll man`: the manual page, made from the same words as `--help`.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::CommandFactory as _;

/// Arguments of `plimsoll man`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The verb whose page is wanted; the program's own page where none is named
    verb: Vec<String>,
}

/// Prints the page (roff) to standard output: `plimsoll man | man -l -`.
pub(crate) fn print(arguments: &Arguments) -> Result<ExitCode> {
    let mut command = crate::arguments::Arguments::command();
    command.build();
    for verb in &arguments.verb {
        let found = command.find_subcommand(verb).cloned();
        command = found.with_context(|| format!("there is no verb {verb:?}; plimsoll --help lists them"))?;
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page).context("cannot write the manual page")?;
    crate::output::write(&page)?;
    Ok(ExitCode::SUCCESS)
}
