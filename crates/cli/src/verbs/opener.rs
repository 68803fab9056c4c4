//! `plimsoll opener`: opens files of an engine's store for the process that started it, which is not root any more.

use std::os::fd::AsFd as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use crate::privileges;

/// Arguments of `plimsoll opener`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

/// Keeps the right to read files, gives up every other, and answers until the other side closes the socket.
pub(crate) fn serve(_arguments: &Arguments) -> Result<ExitCode> {
    privileges::keep_reading()?;
    privileges::no_core_files();
    let socket = std::io::stdin().as_fd().try_clone_to_owned().context("cannot take over the socket")?;
    image::source::serve_opener(&socket).context("cannot answer what is asked")?;
    Ok(ExitCode::SUCCESS)
}
