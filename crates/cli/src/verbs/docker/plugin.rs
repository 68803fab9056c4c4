//! The program under its other name: docker calls `docker-plimsoll`.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use super::command_line::ClientOptions;
use super::engine::{Address, Surroundings};
use super::hook;
use crate::output;

/// Docker's name for this plugin; `docker plimsoll`.
pub(super) const NAME: &str = "plimsoll";
/// The file that docker looks for.
pub(super) const FILE: &str = "docker-plimsoll";
/// docker/cli, `cli-plugins/metadata`.
const METADATA: &str = "docker-cli-plugin-metadata";
const HOOKS: &str = "docker-cli-plugin-hooks";

/// What this process was started for.
pub(crate) enum Calling {
    /// To do what these arguments say, the program's name first.
    Verb(Vec<OsString>),
    /// Docker has been answered.
    Done(ExitCode),
}

/// Looks at the name under which this program was called. Everything but a call by docker is left as it is.
pub(crate) fn calling() -> Calling {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let is_plugin = arguments.first().map(Path::new).and_then(Path::file_name) == Some(OsStr::new(FILE));
    if !is_plugin {
        return Calling::Verb(arguments);
    }
    let words: Vec<String> = arguments.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    if words.first().is_some_and(|first| first == METADATA) {
        return Calling::Done(metadata());
    }
    // Docker hands its own options on, too: `docker-plimsoll --context prod plimsoll scan IMAGE`.
    let Some((client, rest)) = ClientOptions::parse(&words) else { return Calling::Verb(arguments) };
    match rest {
        [name, hooks, request] if name == NAME && hooks == HOOKS => Calling::Done(hook::perform(request)),
        [name, ..] if name == NAME => {
            let own = arguments.get(arguments.len() - rest.len() + 1..).unwrap_or_default();
            as_docker_would(&client, own)
        }
        // What this program starts itself has its own file's name, wherever that is.
        _ => Calling::Verb(arguments),
    }
}

fn metadata() -> ExitCode {
    let told = serde_json::json!({
        "SchemaVersion": "0.1.0",
        "Vendor": "Plimsoll",
        "Version": env!("CARGO_PKG_VERSION"),
        "ShortDescription": "Sign, scan and contain images",
    });
    match output::write(format!("{told}\n").as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => crate::exit::report(&error),
    }
}

/// The verb, with docker's choice of engine and configuration in the variables where verbs look for it. Where there is a
/// choice to hand on, the program starts anew: a process' own variables cannot be changed safely.
fn as_docker_would(client: &ClientOptions, arguments: &[OsString]) -> Calling {
    let around = Surroundings::of_this_process();
    let mut command = Command::new(std::env::current_exe().unwrap_or_else(|_| FILE.into()));
    command.arg0(NAME).args(arguments);
    let mut is_chosen = false;
    if let Some(config) = &client.config {
        command.env("DOCKER_CONFIG", config);
        is_chosen = true;
    }
    match Address::find(client, &around) {
        Ok(address)
            if around.host.as_ref() != Some(&address.host) && (around.host.is_some() || !address.is_default()) =>
        {
            command.env("DOCKER_HOST", &address.host);
            is_chosen = true;
        }
        // Who names one means that and no other.
        Err(error) if client.context.is_some() => return Calling::Done(crate::exit::report(&error)),
        // One that was chosen for good and is not right is told of by whoever needs an engine.
        Ok(_) | Err(_) => {}
    }
    if !is_chosen {
        return Calling::Verb([OsString::from(NAME)].into_iter().chain(arguments.iter().cloned()).collect());
    }
    let error =
        anyhow::Error::from(command.exec()).context("cannot start plimsoll anew with docker's choice of engine");
    Calling::Done(crate::exit::report(&error))
}
