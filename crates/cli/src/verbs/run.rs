//! `plimsoll run`: a container from an image.

use std::process::ExitCode;

use anyhow::Result;

use crate::arguments::General;

/// Arguments of `plimsoll run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

/// Runs. An error of ours is exit code 125, as docker has it.
pub(crate) fn perform(_arguments: Arguments, _general: &General) -> Result<ExitCode> {
    anyhow::bail!("run is not built yet")
}
