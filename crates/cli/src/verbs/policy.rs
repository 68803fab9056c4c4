//! `plimsoll policy`: check and explain policy.

use std::process::ExitCode;

use anyhow::{Result, bail};

use super::{Command, Start};
use crate::house::{House, Needs};

/// Arguments of `plimsoll policy`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

/// What the first half hands to the second.
#[derive(Debug)]
pub(crate) struct Prepared {}

impl Command for Arguments {
    type Prepared = Prepared;
    const NEEDS: Needs = Needs::Folder;

    fn prepare(self, _start: &Start) -> Result<Prepared> {
        Ok(Prepared {})
    }

    fn execute(_prepared: Prepared, _house: House) -> Result<ExitCode> {
        bail!("policy is not built yet")
    }
}
