//! After `docker pull` and `docker run`: whether the image is signed as the policy wants it. A hook can report, not
//! refuse.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use image::Reference;

use super::command_line::{CommandLine, Verb};
use super::look::State;
use super::push::{plimsoll, sightings};
use crate::caller::Caller;
use crate::output::plain;
use crate::settings::Settings;

/// How long a person waits for a report that they did not ask for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest answer of a program that is run for what it says.
const MOST_BYTES: u64 = 64 << 10;

/// Tells of the image, where a policy wants signatures of it; else nobody is bothered.
pub(crate) fn after(line: &CommandLine) -> Vec<String> {
    // No policy, no question: this is what every run costs on a machine without one.
    let candidates = Caller::of_this_process().policy_candidates(None, &Settings::default());
    if line.all_tags || !candidates.iter().any(|path| path.exists()) {
        return Vec::new();
    }
    match judged(line, Instant::now() + PATIENCE) {
        Ok(Some(verdict)) => {
            if !(verdict.is_signed && line.quiet) {
                show(&verdict.text);
            }
            if verdict.is_signed { Vec::new() } else { advice(line.verb) }
        }
        Ok(None) => Vec::new(),
        Err(error) => vec![format!("whether {} is signed was not found out: {error:#}", line.image)],
    }
}

struct Verdict {
    is_signed: bool,
    text: String,
}

fn judged(line: &CommandLine, deadline: Instant) -> Result<Option<Verdict>> {
    let image: Reference = match line.image.parse() {
        Ok(image) => image,
        // An image's id, for example: it has no repository that a policy could speak of.
        Err(_) => return Ok(None),
    };
    let mut look = plimsoll(&line.client)?;
    look.args(["docker-look", "held", "--client"]).arg(serde_json::to_string(&line.client)?).arg(image.to_string());
    let (code, said, errors) = ask(look, deadline)?;
    if code != Some(0) {
        bail!("{}", first_line(&errors));
    }
    let Some(sighting) = sightings(&said)?.pop().filter(|sighting| sighting.wants_signatures) else { return Ok(None) };
    let State::Agreed(digest) = sighting.state else {
        // Built here, and nobody's signature can be there.
        let text = format!("plimsoll: {} is not from its registry, so that nobody can have signed it\n", line.image);
        return Ok(Some(Verdict { is_signed: false, text }));
    };
    let mut verify = plimsoll(&line.client)?;
    verify.arg("verify");
    if sighting.insecure {
        verify.args(["--insecure-registry", &image.registry]);
    }
    let name = match &image.digest {
        Some(_) => image.to_string(),
        None => format!("{image}@{digest}"),
    };
    let (code, said, errors) = ask(verify.arg(name), deadline)?;
    match code {
        Some(0) => Ok(Some(Verdict { is_signed: true, text: signed(&line.image, &said) })),
        Some(1) => Ok(Some(Verdict { is_signed: false, text: String::from_utf8_lossy(&errors).into_owned() })),
        _ => bail!("{}", first_line(&errors)),
    }
}

/// The name, and the lines that tell who signed.
fn signed(image: &str, said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let who: Vec<&str> = said.lines().filter(|line| line.trim_start().starts_with("signed by")).collect();
    format!("plimsoll: {image} is signed as the policy wants it\n{}\n", who.join("\n"))
}

fn advice(verb: Verb) -> Vec<String> {
    let done = if verb == Verb::Run { "docker ran it all the same" } else { "docker pulled it all the same" };
    vec![format!("{done}: a hook can report and not refuse; plimsoll run refuses")]
}

fn first_line(errors: &[u8]) -> String {
    let text = String::from_utf8_lossy(errors);
    let line = text.lines().next().unwrap_or("no reason was given");
    line.strip_prefix("plimsoll: ").unwrap_or(line).to_owned()
}

/// At the terminal; docker would put it under "What's next:".
fn show(text: &str) {
    let Ok(mut terminal) = std::fs::File::options().write(true).open("/dev/tty") else { return };
    let _ = std::io::Write::write_all(&mut terminal, plain(text).as_bytes());
}

/// What a program says before the deadline.
fn ask(
    mut command: impl std::borrow::BorrowMut<Command>,
    deadline: Instant,
) -> Result<(Option<i32>, Vec<u8>, Vec<u8>)> {
    let command = command.borrow_mut();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot start plimsoll")?;
    let (output, errors) = (read(child.stdout.take()), read(child.stderr.take()));
    loop {
        if let Some(status) = child.try_wait().context("cannot wait for plimsoll")? {
            return Ok((status.code(), output.join().unwrap_or_default(), errors.join().unwrap_or_default()));
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            bail!("no answer within {} s", PATIENCE.as_secs());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn read(from: Option<impl std::io::Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut said = Vec::new();
        let _ = from.map(|from| from.take(MOST_BYTES).read_to_end(&mut said));
        said
    })
}
