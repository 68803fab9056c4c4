//! `plimsoll agent`: hold unlocked keys and sign with them for other programs, as the calling user throughout.

mod afar;
mod author;
mod control;
mod forward;
mod house;
mod install;
mod people;
pub(crate) mod plugins;
mod registry_api;
mod relayed;
mod serve;
mod sign;
mod span;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use keys::agent::{Client, client, place};

use super::Start;

/// Arguments of `plimsoll agent`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, after_long_help = HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    serve: serve::Serving,
    #[command(subcommand)]
    what: Option<What>,
}

const HELP: &str = "\
Without a command it is the agent: it asks for what opens the keys, and then signs for other programs of the same user: plimsoll \
agent sign, cosign (--key plimsoll://NAME) and notation (--plugin plimsoll --id NAME), both after plimsoll agent install-plugins. \
What is signed is shown first, where the program that asks has a terminal there, else where the agent was started, else as a \
notification on the desktop. Its socket is $XDG_RUNTIME_DIR/plimsoll/agent.sock, or what PLIMSOLL_AGENT_SOCK says.";

#[derive(Debug, Subcommand)]
enum What {
    /// Say how the agent does and which keys it holds
    #[command(visible_alias = "list")]
    Status(control::Status),
    /// Hold one more key
    Add(control::Add),
    /// Forget what unlocks the keys
    Lock(control::OneOrAll),
    /// Unlock the keys
    Unlock(control::OneOrAll),
    /// Let the agent sign what it cannot show, for a time
    Allow(control::Allow),
    /// Print what was signed, for whom, and what was not
    Log(control::Log),
    /// Have the agent sign an image, and write the signature beside it
    Sign(sign::Arguments),
    /// Let another machine ask for signatures, through ssh
    Forward(forward::Arguments),
    /// Let others ask for signatures through a registry, such as a CI runner
    ServeRequests(relayed::Arguments),
    /// Follow what is pushed to a registry, and ask whether to sign it
    Watch(watch::Arguments),
    /// Let cosign and notation sign with the agent's keys
    InstallPlugins(install::Arguments),
    /// End the agent
    Stop(control::Stop),
}

/// Does it.
pub(crate) fn perform(arguments: Arguments, start: &Start) -> Result<ExitCode> {
    match arguments.what {
        None => serve::perform(arguments.serve, start),
        Some(What::Status(arguments)) => control::status(&arguments),
        Some(What::Add(arguments)) => control::add(&arguments),
        Some(What::Lock(arguments)) => control::lock(arguments),
        Some(What::Unlock(arguments)) => control::unlock(arguments),
        Some(What::Allow(arguments)) => control::allow(&arguments),
        Some(What::Log(arguments)) => control::log(&arguments),
        Some(What::Sign(arguments)) => sign::perform(arguments),
        Some(What::Forward(arguments)) => forward::perform(&arguments),
        Some(What::ServeRequests(arguments)) => relayed::perform(&arguments),
        Some(What::Watch(arguments)) => watch::perform(&arguments),
        Some(What::InstallPlugins(arguments)) => install::perform(&arguments),
        Some(What::Stop(_)) => control::stop(),
    }
}

/// The calling user's agent, ready to ask at their terminal.
fn connect(socket: Option<&PathBuf>) -> Result<Client> {
    let path = match socket {
        Some(path) => path.clone(),
        None => place::socket()?,
    };
    Ok(Client::connect(&path)?.at_terminal(client::own_terminal()))
}
