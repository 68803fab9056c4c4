//! `plimsoll policy`: check policy files and explain their decisions.

mod check;
mod explain;
mod export;
mod test;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Subcommand;
use gate::export::ExportFormat;
use gate::file::PolicyFile;
use image::{Platform, Reference};

use super::{Command, Start};
use crate::house::{House, Needs};
use crate::registries::Registries;

/// Arguments of `plimsoll policy`.
#[derive(Debug, clap::Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Say what the policy makes of an image: which rule holds, and how each of its requirements fares
    ///
    /// Exit codes: 0 the image may be used, 1 it is refused, 2 that could not be found out.
    Test {
        /// The image, as docker names it; it is looked up in its registry
        image: Reference,
        /// Policy file [default: policy.toml in /etc/plimsoll or your configuration folder]
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
        /// The platform to judge, of an image that is for several: OS/ARCHITECTURE[/VARIANT]
        #[arg(long, value_name = "PLATFORM")]
        platform: Option<Platform>,
        #[command(flatten)]
        registries: Registries,
    },
    /// Write the policy's signature rules for another program, and say what that program cannot be told
    ///
    /// containers: policy.json of podman, skopeo and CRI-O. notation: trustpolicy.json. cluster-image-policy: Sigstore's
    /// policy-controller. kyverno: ImageValidatingPolicy. What the format cannot say is listed on standard error.
    Export {
        /// The format: containers, notation, cluster-image-policy or kyverno
        format: ExportFormat,
        /// Policy file [default: policy.toml in /etc/plimsoll or your configuration folder]
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
    },
    /// Read a policy file and say what is wrong with it, line by line, or what its rules demand
    Check {
        /// The policy file
        file: PathBuf,
    },
}

/// What the first half hands to the second.
#[derive(Debug)]
pub(crate) enum Prepared {
    /// An image to judge.
    Test(Box<test::Asked>),
    /// A file to check.
    Check(PolicyFile),
    /// A file to write in another format.
    Export(ExportFormat, PolicyFile),
}

impl Command for Arguments {
    type Prepared = Prepared;
    const NEEDS: Needs = Needs::Folder;

    fn prepare(self, start: &Start) -> Result<Prepared> {
        Ok(match self.what {
            What::Test { image, policy, platform, registries } => {
                let policy = crate::admission::find_policy(&start.caller, policy.as_deref(), &start.settings)?;
                let logins = registries.logins([&image]);
                Prepared::Test(Box::new(test::Asked { image, policy, platform, logins }))
            }
            What::Export { format, policy } => {
                match crate::admission::find_policy(&start.caller, policy.as_deref(), &start.settings)? {
                    Some(file) => Prepared::Export(format, file),
                    None => bail!("there is no policy to export; name one with --policy FILE"),
                }
            }
            What::Check { file } => Prepared::Check(PolicyFile::open(&file)?),
        })
    }

    fn execute(prepared: Prepared, house: House) -> Result<ExitCode> {
        match prepared {
            Prepared::Test(asked) => test::test(*asked, &house),
            Prepared::Check(file) => check::check(&file),
            Prepared::Export(format, file) => export::export(format, &file),
        }
    }
}
