//! `plimsoll run`: a container from an image, with docker's options and docker's exit codes.

#[cfg(target_os = "linux")]
mod by_policy;
#[cfg(target_os = "linux")]
mod container;

use std::path::PathBuf;
use std::process::ExitCode;

use image::Platform;

use crate::arguments::General;
use crate::exit;
use crate::output;

/// Arguments of `plimsoll run`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Delete the container's writable layer when it ends
    #[arg(long)]
    rm: bool,
    /// Keep stdin open
    #[arg(short, long)]
    interactive: bool,
    /// Give the container a terminal
    #[arg(short, long)]
    tty: bool,
    /// Show a file or folder of this machine to the container, with your own rights
    #[arg(short, long = "volume", value_name = "SOURCE:DESTINATION[:ro]")]
    volumes: Vec<String>,
    /// Set a variable; a name alone takes its value from here
    #[arg(short, long = "env", value_name = "NAME[=VALUE]")]
    environment: Vec<String>,
    /// Start in this folder
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// Run as this user
    #[arg(short, long, value_name = "USER[:GROUP]")]
    user: Option<String>,
    /// A name that no other running container has
    #[arg(long)]
    name: Option<String>,
    /// The container's host name
    #[arg(long)]
    hostname: Option<String>,
    /// Run this instead of the image's entrypoint
    #[arg(long, value_name = "PROGRAM")]
    entrypoint: Option<String>,
    /// Most processes at a time
    #[arg(long, value_name = "COUNT")]
    pids_limit: Option<u32>,
    /// Choose this platform of an image that has several
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    platform: Option<Platform>,
    /// Policy file [default: policy.toml in /etc/plimsoll or your configuration folder]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The image, and what to run in it
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_names = ["IMAGE", "COMMAND"])]
    image_and_command: Vec<String>,
}

/// Runs. An error of ours is exit code 125, as docker has it.
pub(crate) fn perform(arguments: &Arguments, general: &General) -> ExitCode {
    match run(arguments, general) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("plimsoll: {}", output::plain(&exit::sentence(&error)));
            ExitCode::from(exit_code(&error))
        }
    }
}

#[cfg(target_os = "linux")]
use container::{exit_code, run};

#[cfg(not(target_os = "linux"))]
fn run(_: &Arguments, _: &General) -> anyhow::Result<u8> {
    anyhow::bail!("run makes namespaces and mounts, which only Linux has; run it there")
}

#[cfg(not(target_os = "linux"))]
fn exit_code(_: &anyhow::Error) -> u8 {
    exit::NOT_RUN
}
