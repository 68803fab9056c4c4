//! The command line as a whole; each verb's own arguments stand with the verb.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::verbs;

/// Signs, scans and contains container images.
///
/// The mark on a ship's hull tells anyone on the quay whether it is safe to sail. plimsoll puts that mark on
/// containers: who signed an image, what is known of the software in it, and a container whose root is not the host's.
#[derive(Debug, Parser)]
#[command(name = "plimsoll", version, propagate_version = true, max_term_width = 110)]
pub(crate) struct Arguments {
    /// What holds for every verb.
    #[command(flatten)]
    pub(crate) general: General,
    /// What to do.
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Arguments that stand before or after the verb.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct General {
    /// Folder that holds blobs, database and advisories
    /// [default: /var/lib/plimsoll as root, else $XDG_DATA_HOME/plimsoll]
    #[arg(long, value_name = "DIR", env = "PLIMSOLL_DATA", global = true, hide_env_values = true)]
    pub(crate) data: Option<PathBuf>,
    /// Configuration file [default: /etc/plimsoll/config.toml as root, else $XDG_CONFIG_HOME/plimsoll/config.toml]
    #[arg(long, value_name = "FILE", env = "PLIMSOLL_CONFIG", global = true, hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,
    /// How much to tell on stderr: error, warn, info, debug, trace, or a filter such as registry=debug [default: warn]
    #[arg(long, value_name = "LEVEL", env = "PLIMSOLL_LOG", global = true, hide_env_values = true)]
    pub(crate) log: Option<String>,
    /// How log lines are written [default: text]
    #[arg(long, value_name = "FORMAT", global = true)]
    pub(crate) log_format: Option<LogFormat>,
}

/// The shape of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The verbs, in the order in which `--help` lists them.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Find what is vulnerable in an image, a folder or a list of packages
    Scan(verbs::scan::Arguments),
    /// List what is in an image, as a bill of materials
    Sbom(verbs::sbom::Arguments),
    /// Say why a vulnerability is found in an image, or why not
    Explain(verbs::explain::Arguments),
    /// Serve registry and findings pages on one port
    Up(verbs::up::Arguments),
    /// Run an image as a container whose root is not the host's
    Run(verbs::run::Arguments),
    /// Sign an image in its registry
    Sign(verbs::sign::Arguments),
    /// Check who signed an image
    Verify(verbs::verify::Arguments),
    /// Withdraw trust from an image or a key
    Revoke(verbs::revoke::Arguments),
    /// Show what hangs on an image and who signed it, and state things about it
    Trust(verbs::trust::Arguments),
    /// Make, take over, list and delete signing keys
    Key(verbs::key::Arguments),
    /// Sign after docker push, and have every verb as docker plimsoll
    DockerPlugin(verbs::docker::install::Arguments),
    /// Hold unlocked keys and sign with them for other programs
    Agent(verbs::agent::Arguments),
    /// Fetch, import and list advisories
    Db(verbs::db::Arguments),
    /// Check policy files and explain their decisions
    Policy(verbs::policy::Arguments),
    /// Compare versions in an ecosystem's own order
    Version(verbs::version::Arguments),
    /// Print a completion script for a shell
    Completions(verbs::completions::Arguments),
    /// Print the manual page
    Man(verbs::man::Arguments),
    /// Parse package databases for the process that started this one
    #[command(hide = true)]
    Worker(verbs::worker::Arguments),
    /// Ask engine and registry for the hook that started this one
    #[command(hide = true)]
    DockerLook(verbs::docker::look::Arguments),
    /// Open files for the process that started this one, which gave up root
    #[command(hide = true)]
    Opener(verbs::opener::Arguments),
}
