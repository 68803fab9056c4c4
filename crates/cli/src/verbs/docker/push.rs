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
use crate::output::quoted;

/// Has it signed; gives what is left to do.
pub(crate) fn after(line: &CommandLine) -> Vec<String> {
    let Some(terminal) = Foreground::take() else {
        let command = command(&line.client, None, &line.image);
        return vec![format!("{} is not signed (no terminal to ask at); sign it with: {command}", line.image)];
    };
    let sightings = match look(&terminal, line) {
        Ok(sightings) => sightings,
        Err(error) => {
            terminal.say(&format!("plimsoll: {} is pushed and NOT signed: {}", line.image, exit::sentence(&error)));
            return vec![format!("sign it with: {}", command(&line.client, None, &line.image))];
        }
    };
    let mut steps = Vec::new();
    let mut agreed = Vec::new();
    for sighting in &sightings {
        match &sighting.state {
            State::Agreed(digest) => agreed.push(Pushed { sighting, digest }),
            state => {
                let image = &sighting.image;
                terminal.say(&format!("plimsoll: {image} is pushed and NOT signed: {}", refusal(state)));
                steps.push(format!("look what {image} points to now: plimsoll verify {image}"));
            }
        }
    }
    if !agreed.is_empty() {
        steps.extend(sign(&terminal, &agreed, &line.client));
    }
    steps
}

/// What engine and registry agree on.
struct Pushed<'a> {
    sighting: &'a Sighting,
    digest: &'a str,
}

impl Pushed<'_> {
    /// Name, tag and digest.
    fn name(&self) -> String {
        format!("{}@{}", self.sighting.image, self.digest)
    }
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

/// Has all of one push signed at once; gives what is left to do.
fn sign(terminal: &Foreground, pushed: &[Pushed<'_>], client: &ClientOptions) -> Vec<String> {
    match run_sign(terminal, pushed, client) {
        Ok(Ended::Code(0)) => {
            for one in pushed {
                show_findings(terminal, one, client);
            }
            return Vec::new();
        }
        Ok(_) => {}
        Err(error) => terminal.say(&format!("plimsoll: {}", exit::sentence(&error))),
    }
    if let [one] = pushed {
        let image = &one.sighting.image;
        terminal.say(&format!("plimsoll: {image} is pushed and NOT signed"));
        return vec![format!(
            "{image} is not signed; sign it with: {}",
            command(client, insecure(pushed), &one.name())
        )];
    }
    // Some of them may be, where storing one failed: --unless-signed looks.
    terminal.say(&format!("plimsoll: {} tags are pushed, and not all of them are signed", pushed.len()));
    let names: Vec<String> = pushed.iter().map(Pushed::name).collect();
    let names = format!("--unless-signed {}", names.join(" "));
    vec![format!("sign what is not signed with: {}", command(client, insecure(pushed), &names))]
}

/// What a person types instead: with the key that was named once, and the registry that only docker knew to be without TLS.
fn command(client: &ClientOptions, insecure: Option<String>, rest: &str) -> String {
    let key = key(client).ok().flatten().map(|key| format!("--key {} ", quoted(&key))).unwrap_or_default();
    let insecure = insecure.map(|registry| format!("--insecure-registry {registry} ")).unwrap_or_default();
    format!("plimsoll sign {key}{insecure}{rest}")
}

/// The key that was named when the plugin was installed.
fn key(client: &ClientOptions) -> Result<Option<String>> {
    let config = client.config.clone().or_else(|| Surroundings::of_this_process().config);
    Ok(config.map(|config| install::key(&config)).transpose()?.flatten())
}

/// The registry, where it is one without TLS. One push goes to one.
fn insecure(pushed: &[Pushed<'_>]) -> Option<String> {
    let one = pushed.iter().find(|one| one.sighting.insecure)?;
    Some(one.sighting.image.parse::<Reference>().ok()?.registry)
}

fn run_sign(terminal: &Foreground, pushed: &[Pushed<'_>], client: &ClientOptions) -> Result<Ended> {
    let mut sign = plimsoll(client)?;
    // Who pushes the same image again is not asked for the same touch again.
    sign.args(["sign", "--unless-signed"]);
    if let Some(key) = key(client)? {
        sign.args(["--key", &key]);
    }
    if let Some(registry) = insecure(pushed) {
        sign.args(["--insecure-registry", &registry]);
    }
    sign.args(pushed.iter().map(Pushed::name));
    terminal.run(sign)
}

/// What is known of it; nobody's push is held up by what is not.
fn show_findings(terminal: &Foreground, pushed: &Pushed<'_>, client: &ClientOptions) {
    let Ok(mut look) = plimsoll(client) else { return };
    look.args(["docker-look", "findings"]).arg(pushed.name());
    if pushed.sighting.insecure {
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
