//! `plimsoll worker`: the sealed side of cataloguing; started by this program itself and by nobody else.

use std::process::ExitCode;

use anyhow::Result;

/// Arguments of `plimsoll worker`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

/// Seals the process and serves until the other side closes the pipe. It reads no settings and starts no logging:
/// whatever it opened before would be open beside the bytes that it parses.
// Every verb gives a result; this one tells what went wrong through its pipe.
#[allow(clippy::unnecessary_wraps)]
pub(crate) fn serve(_arguments: &Arguments) -> Result<ExitCode> {
    Ok(inventory::worker::serve())
}
