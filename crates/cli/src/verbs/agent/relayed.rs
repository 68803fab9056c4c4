//! `plimsoll agent serve-requests`: let others ask for signatures through a registry; and the asking itself.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use keys::agent::protocol::check_image;
use keys::agent::{Narrow, Origin, Reply};
use keys::{ImageRequest, PublicKey, SignedArtifact};
use serde::Deserialize;
use serde_json::{Value, json};

use super::afar::Afar;
use super::connect;
use super::registry_api::{RegistryApi, WAIT};
use crate::output;
use crate::person::interrupts;

/// How long is waited after an error, and where others' requests lie about that are none of ours.
const PAUSE: Duration = Duration::from_secs(2);

/// Arguments of `plimsoll agent serve-requests`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Asks the registry for requests, over a connection that is opened from here: nothing has to reach this machine. There: plimsoll agent \
sign --via URL IMAGE. The agent fetches what it signs itself; each signature is shown here, with who asks, and wants a yes here, or \
the key's touch.")]
pub(super) struct Arguments {
    /// The registry, a plimsoll one
    #[arg(long, value_name = "URL")]
    registry: String,
    /// A registry (HOST[:PORT]) that may be spoken to without TLS; may be repeated. This machine's loopback always may
    #[arg(long = "insecure-registry", value_name = "HOST")]
    insecure: Vec<String>,
    #[command(flatten)]
    afar: Afar,
}

#[derive(Deserialize)]
struct List {
    requests: Vec<Waiting>,
}

#[derive(Deserialize)]
struct Waiting {
    id: String,
    image: ImageRequest,
    key: Option<String>,
    caller: String,
}

#[derive(Deserialize)]
struct Claimed {
    claim: String,
}

pub(super) fn perform(arguments: &Arguments) -> Result<ExitCode> {
    let api = RegistryApi::at(&arguments.registry, &arguments.insecure)?;
    connect(None)?.keys()?;
    let authority = api.authority();
    let way = arguments.afar.way(Origin::Relayed { registry: authority.clone(), caller: "somebody".into() })?;
    let list = |wait: u64| api.get::<List>("/api/v1/signing", &[("wait", &wait.to_string())], "");
    list(0)?;
    let text = format!("others may ask through {authority} {}\nCtrl-C ends it.", arguments.afar.in_words());
    eprintln!("{}", output::plain(&text));
    while !arguments.afar.is_over() {
        let requests = match list(WAIT) {
            Ok(list) => list.requests,
            Err(error) => {
                eprintln!("plimsoll: {}; trying again", output::plain(&crate::exit::sentence(&error)));
                thread::sleep(PAUSE);
                continue;
            }
        };
        let is_ours = |request: &&Waiting| {
            let repository = &request.image.repository;
            check_image(&request.image).is_ok()
                && repository.split_once('/').is_some_and(|(registry, _)| registry == authority)
                && arguments.afar.has(repository)
        };
        match requests.iter().find(is_ours) {
            Some(request) => answer(&api, &way, request),
            None if requests.is_empty() => {}
            None => thread::sleep(PAUSE),
        }
    }
    eprintln!("the time is over; nobody can ask any more");
    Ok(ExitCode::SUCCESS)
}

/// Takes a request and answers it. What goes wrong on the way is said, and the next is served.
fn answer(api: &RegistryApi, way: &Narrow, request: &Waiting) {
    let path = format!("/api/v1/signing/{}", request.id);
    // Another agent was faster.
    let Ok(Claimed { claim }) = api.post(&format!("{path}/claim"), "", &json!({})) else { return };
    let cancelled = Arc::new(AtomicBool::new(false));
    let said = Mutex::new("shown to the key's owner".to_owned());
    let tell = |reply: &Reply| api.post::<Value>(&format!("{path}/answer"), &claim, reply);
    let is_done = AtomicBool::new(false);
    let reply = thread::scope(|scope| {
        // As long as it is worked at, the registry is told; and it tells whether anybody still waits.
        scope.spawn(|| {
            while !is_done.load(Ordering::SeqCst) {
                let text = said.lock().unwrap_or_else(PoisonError::into_inner).clone();
                if tell(&Reply::Progress { text }).is_err() {
                    cancelled.store(true, Ordering::SeqCst);
                    return;
                }
                for _ in 0..10 {
                    if is_done.load(Ordering::SeqCst) {
                        return;
                    }
                    thread::sleep(PAUSE / 10);
                }
            }
        });
        let origin = Origin::Relayed { registry: api.authority(), caller: request.caller.chars().take(200).collect() };
        let mut progress = |text: String| *said.lock().unwrap_or_else(PoisonError::into_inner) = text;
        let reply = way.sign_image(request.key.clone(), request.image.clone(), origin, &cancelled, &mut progress);
        is_done.store(true, Ordering::SeqCst);
        reply
    });
    let name = format!("{}@{}", request.image.repository, request.image.digest);
    let text = match (&reply, tell(&reply)) {
        (Reply::Refused { reason, .. }, _) => format!("not signed: {name}: {reason}"),
        (_, Err(error)) => format!("signed, and nobody waited for it any more: {name}: {error}"),
        (_, Ok(_)) => format!("signed: {name}"),
    };
    eprintln!("{}", output::plain(&text));
}

#[derive(Deserialize)]
struct Asked {
    id: String,
    token: String,
}

#[derive(Deserialize)]
struct State {
    version: u64,
    text: String,
    answer: Option<Reply>,
}

/// Asks for a signature through a registry, and waits for it.
pub(super) fn ask(
    address: &str,
    insecure: &[String],
    key: Option<&str>,
    image: &ImageRequest,
    progress: &mut dyn FnMut(&str),
) -> Result<(PublicKey, Vec<SignedArtifact>)> {
    let api = Arc::new(RegistryApi::at(address, insecure)?);
    let Asked { id, token } = api.post("/api/v1/signing", "", &json!({ "image": image, "key": key }))?;
    let path = format!("/api/v1/signing/{id}");
    // Whoever gives up here should not keep somebody busy there.
    let (taken_back, at, with) = (Arc::clone(&api), path.clone(), token.clone());
    interrupts::at_end(move || drop(taken_back.delete(&at, &with)));
    let (mut after, mut last) = (0, String::new());
    loop {
        let query = [("after", &*after.to_string()), ("wait", &*WAIT.to_string())];
        let state: State = api.get(&path, &query, &token).context("the request for a signature was not answered")?;
        after = state.version;
        if state.answer.is_none() && state.text != last {
            progress(&state.text);
            last = state.text;
        }
        let Some(answer) = state.answer else { continue };
        let _ = api.delete(&path, &token);
        return match answer {
            Reply::Image { key, artifacts } => Ok((PublicKey::from_pem(&key)?, artifacts)),
            Reply::Refused { reason, .. } => bail!("it was not signed: {reason}"),
            _ => bail!("the answer is none; use the same plimsoll on both sides"),
        };
    }
}
