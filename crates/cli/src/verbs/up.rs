//! `plimsoll up`: serve registry and pages.

use std::process::ExitCode;

use anyhow::{Result, bail};

use super::{Command, Start};
use crate::house::{House, Needs};

/// Arguments of `plimsoll up`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

/// What the first half hands to the second.
#[derive(Debug)]
pub(crate) struct Prepared {}

impl Command for Arguments {
    type Prepared = Prepared;
    const NEEDS: Needs = Needs::OwnFolder;

    fn prepare(self, _start: &Start) -> Result<Prepared> {
        Ok(Prepared {})
    }

    fn execute(_prepared: Prepared, _house: House) -> Result<ExitCode> {
        bail!("up is not built yet")
    }
}
