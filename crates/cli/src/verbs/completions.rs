//! `plimsoll completions`: completion scripts.

use std::process::ExitCode;

use anyhow::Result;
use clap::CommandFactory as _;

/// Arguments of `plimsoll completions`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The shell to complete in
    shell: clap_complete::Shell,
}

/// Prints the script to standard output.
pub(crate) fn print(arguments: &Arguments) -> Result<ExitCode> {
    let mut command = crate::arguments::Arguments::command();
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "plimsoll", &mut script);
    crate::output::write(&script)?;
    Ok(ExitCode::SUCCESS)
}
