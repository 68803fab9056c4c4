//! After `docker push`: the digest on which engine and registry agree is signed at the terminal.

use std::process::Command;

use anyhow::{Context as _, Result, bail};
use image::Reference;

use super::command_line::{ClientOptions, CommandLine};
use super::engine::Surroundings;
use super::install;
use super::look::{Sighting, State};
use super::terminal::{Ended, Foreground};
use crate::exit;

/// Has it signed; gives what is left to do.
pub(crate) fn after(line: &CommandLine) -> Vec<String> {
    let Some(terminal) = Foreground::take() else {
        return vec![format!("{} is not signed (no terminal to ask at); sign it with: plimsoll sign {0}", line.image)];
    };
    let sightings = match look(&terminal, line) {
        Ok(sightings) => sightings,
        Err(error) => {
            terminal.say(&format!("plimsoll: {} is pushed and NOT signed: {}", line.image, exit::sentence(&error)));
            return vec![format!("sign it with: plimsoll sign {}", line.image)];
        }
    };
    let mut steps = Vec::new();
    let several = sightings.len() > 1;
    for (place, sighting) in sightings.iter().enumerate() {
        if several {
            terminal.say(&format!("plimsoll: {} of {}: {}", place + 1, sightings.len(), sighting.image));
        }
        match sign(&terminal, sighting, &line.client) {
            Outcome::Signed => {}
            Outcome::Unsigned(step) => steps.push(step),
            Outcome::Interrupted(step) => {
                steps.push(step);
                let rest = sightings.iter().skip(place + 1);
                steps.extend(rest.map(|next| format!("sign {} with: plimsoll sign {0}", next.image)));
                break;
            }
        }
    }
    steps
}

enum Outcome {
    Signed,
    /// With what is left to do.
    Unsigned(String),
    /// The same, and the person does not want to be asked again.
    Interrupted(String),
}

/// What engine and registry say of what was pushed.
fn look(terminal: &Foreground, line: &CommandLine) -> Result<Vec<Sighting>> {
    // `docker push` takes no digest; a name that is none was refused by docker itself.
    let image: Reference = line.image.parse()?;
    let mut look = plimsoll(&line.client)?;
    look.args(["docker-look", "pushed", "--client"]).arg(serde_json::to_string(&line.client)?);
    if line.all_tags {
        look.arg("--all-tags");
    }
    look.arg(image.to_string());
    let (ended, said) = terminal.ask(look)?;
    match ended {
        Ended::Signal => bail!("interrupted"),
        // It has said itself why, at the terminal.
        Ended::Code(code) if code != 0 => bail!("what was pushed could not be found out"),
        Ended::Code(_) => {}
    }
    sightings(&said)
}

/// Lines of JSON.
pub(super) fn sightings(said: &[u8]) -> Result<Vec<Sighting>> {
    let lines = said.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).context("what was pushed could not be found out")).collect()
}

/// This program, as the docker that called would have its plugins see the world.
pub(super) fn plimsoll(client: &ClientOptions) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("cannot find this program's own file")?);
    if let Some(config) = &client.config {
        command.env("DOCKER_CONFIG", config);
    }
    Ok(command)
}

fn sign(terminal: &Foreground, sighting: &Sighting, client: &ClientOptions) -> Outcome {
    let image = &sighting.image;
    let digest = match &sighting.state {
        State::Agreed(digest) => digest,
        state => {
            let reason = refusal(state);
            terminal.say(&format!("plimsoll: {image} is pushed and NOT signed: {reason}"));
            return Outcome::Unsigned(format!("look what {image} points to now: plimsoll verify {image}"));
        }
    };
    let step = format!("{image} is not signed; sign it with: plimsoll sign {image}@{digest}");
    match run_sign(terminal, sighting, digest, client) {
        Ok(Ended::Code(0)) => {
            show_findings(terminal, sighting, digest, client);
            Outcome::Signed
        }
        ended => {
            if let Err(error) = &ended {
                terminal.say(&format!("plimsoll: {}", exit::sentence(error)));
            }
            terminal.say(&format!("plimsoll: {image} is pushed and NOT signed"));
            let interrupted = matches!(ended, Ok(Ended::Signal | Ended::Code(130)));
            if interrupted { Outcome::Interrupted(step) } else { Outcome::Unsigned(step) }
        }
    }
}

fn run_sign(terminal: &Foreground, sighting: &Sighting, digest: &str, client: &ClientOptions) -> Result<Ended> {
    let mut sign = plimsoll(client)?;
    // Who pushes the same image again is not asked for the same touch again.
    sign.args(["sign", "--unless-signed"]);
    let config = client.config.clone().or_else(|| Surroundings::of_this_process().config);
    if let Some(key) = config.map(|config| install::key(&config)).transpose()?.flatten() {
        sign.args(["--key", &key]);
    }
    if sighting.insecure {
        let image: Reference = sighting.image.parse()?;
        sign.args(["--insecure-registry", &image.registry]);
    }
    sign.arg(format!("{}@{digest}", sighting.image));
    terminal.run(sign)
}

/// What is known of it; nobody's push is held up by what is not.
fn show_findings(terminal: &Foreground, sighting: &Sighting, digest: &str, client: &ClientOptions) {
    let Ok(mut look) = plimsoll(client) else { return };
    look.args(["docker-look", "findings"]).arg(format!("{}@{digest}", sighting.image));
    if sighting.insecure {
        look.arg("--insecure");
    }
    let _ = terminal.run(look);
}

/// Why nothing is signed.
fn refusal(state: &State) -> String {
    match state {
        State::Moved { recorded, served } => format!(
            "the registry serves {served} under this tag, and docker recorded {}; somebody has pushed since",
            recorded.join(" and ")
        ),
        State::Unrecorded => "docker recorded no digest of it in this repository".to_owned(),
        State::Absent => "docker has no image of this name any more".to_owned(),
        State::Unserved(reason) => format!("the registry does not tell what the tag points to: {reason}"),
        State::Agreed(_) => "nothing is wrong".to_owned(),
    }
}
