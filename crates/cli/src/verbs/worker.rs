//! `plimsoll worker`: the sealed side of cataloguing; started by this program itself and by nobody else.

use std::process::ExitCode;

use anyhow::Result;

/// Arguments of `plimsoll worker`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

/// Seals the process and serves until the other side closes the pipe.
pub(crate) fn serve(_arguments: &Arguments) -> Result<ExitCode> {
    anyhow::bail!("worker is not built yet")
}
