//! `plimsoll trust`: what hangs on an image, and stating something about it.

mod state;
mod tree;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::arguments::General;
use crate::verbs::halves;

/// Arguments of `plimsoll trust`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show all that hangs on an image, who signed it, what counts and why not
    Tree(tree::Arguments),
    /// Sign a statement about an image: its SBOM, its findings, how it was built
    State(state::Arguments),
}

/// Does it.
pub(crate) fn perform(arguments: Arguments, general: &General) -> Result<ExitCode> {
    match arguments.what {
        What::Tree(verb) => halves(verb, general),
        What::State(verb) => halves(verb, general),
    }
}
