//! `plimsoll key`: make and show signing keys, as the calling user throughout: nothing from outside is read.

use std::process::ExitCode;

use anyhow::Result;

use super::Start;

/// Arguments of `plimsoll key`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

/// Does it.
pub(crate) fn perform(_arguments: Arguments, _start: &Start) -> Result<ExitCode> {
    anyhow::bail!("key is not built yet")
}
