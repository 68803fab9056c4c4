//! `plimsoll agent watch`: follow what is pushed to a registry, and ask whether to sign it. For pushers that have no
//! terminal, or whose program has no hook: `docker buildx build --push`, `docker compose push`.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use image::{Digest, Reference};
use keys::agent::{Narrow, Origin, Reply};
use keys::{ImageRequest, PublicKey, SignedArtifact};
use serde::Deserialize;
use trust::{Format, Subject};

use super::afar::Afar;
use super::connect;
use super::registry_api::{RegistryApi, WAIT};
use super::span::Span;
use crate::output;
use crate::registries::Registries;

const PAUSE: Duration = Duration::from_secs(2);

/// Arguments of `plimsoll agent watch`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Each tag that is set in the named repositories is shown here, with its digest and who pushed it, and is signed after a yes here, or \
the key's touch. What nobody answers in time stays unsigned, and that is said.")]
pub(super) struct Arguments {
    /// The registry, a plimsoll one
    #[arg(long, value_name = "URL")]
    registry: String,
    /// The agent's key: its URI, its fingerprint or the first 8 digits of it, or its file's name without .key
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// What to make: bundle, cosign-tag, notation; may be repeated
    #[arg(long = "format", value_name = "FORMAT", default_value = "bundle")]
    formats: Vec<Format>,
    /// How long to wait for an answer
    #[arg(long, value_name = "TIME", default_value = "10m")]
    patience: Span,
    #[command(flatten)]
    afar: Afar,
    #[command(flatten)]
    registries: Registries,
}

#[derive(Deserialize)]
struct Followed {
    stream: String,
    next: u64,
    missed: bool,
    events: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    repository: String,
    tag: String,
    digest: String,
    caller: String,
}

pub(super) fn perform(arguments: &Arguments) -> Result<ExitCode> {
    let api = RegistryApi::at(&arguments.registry, arguments.registries.insecure())?;
    connect(None)?.keys()?;
    let authority = api.authority();
    let way = arguments.afar.way(Origin::Pushed { registry: authority.clone(), caller: "somebody".into() })?;
    let mut place: Followed = api.get("/api/v1/events", &[], "")?;
    eprintln!("{}", output::plain(&format!("following {authority} {}\nCtrl-C ends it.", arguments.afar.in_words())));
    while !arguments.afar.is_over() {
        let (after, wait) = (place.next.to_string(), WAIT.to_string());
        let query = [("stream", place.stream.as_str()), ("after", &after), ("wait", &wait)];
        match api.get::<Followed>("/api/v1/events", &query, "") {
            Ok(followed) => place = followed,
            Err(error) => {
                eprintln!("plimsoll: {}; trying again", output::plain(&crate::exit::sentence(&error)));
                thread::sleep(PAUSE);
                continue;
            }
        }
        if place.missed {
            eprintln!("plimsoll: some pushes to {authority} were missed, and nobody was asked about them");
        }
        for event in &place.events {
            let repository = format!("{authority}/{}", event.repository);
            if arguments.afar.has(&repository) {
                let name = format!("{repository}:{}@{}", event.tag, event.digest);
                let text = match sign(arguments, &way, repository, event) {
                    Ok(()) => format!("signed: {name}"),
                    Err(error) => format!("left unsigned: {name}: {}", crate::exit::sentence(&error)),
                };
                eprintln!("{}", output::plain(&text));
            }
        }
    }
    eprintln!("the time is over; pushes are followed no longer");
    Ok(ExitCode::SUCCESS)
}

fn sign(arguments: &Arguments, way: &Narrow, repository: String, event: &Event) -> Result<()> {
    let digest: Digest = event.digest.parse().context("the registry told no digest")?;
    let reference: Reference =
        format!("{repository}:{}@{digest}", event.tag).parse().context("the registry told no tag")?;
    let formats = arguments.formats.iter().map(|format| format.as_str().to_owned()).collect();
    let image = ImageRequest { repository, tag: Some(event.tag.clone()), digest: digest.to_string(), formats };
    let caller = event.caller.chars().take(200).collect();
    let Origin::Pushed { registry, .. } = &way.origin else { anyhow::bail!("nobody pushed") };
    let origin = Origin::Pushed { registry: registry.clone(), caller };
    let (public, artifacts) = within(arguments.patience, |cancelled| {
        way.sign_image(arguments.key.clone(), image, origin, cancelled, &mut |_| {})
    })?;
    let client = arguments.registries.clone().logins([&reference]).client();
    let subject = Subject::resolve(&client, &reference)?;
    trust::publish(&client, &subject, &artifacts, &public)?;
    Ok(())
}

/// Asks, and gives up after some time.
fn within(patience: Span, ask: impl FnOnce(&Arc<AtomicBool>) -> Reply) -> Result<(PublicKey, Vec<SignedArtifact>)> {
    let (cancelled, is_done) = (Arc::new(AtomicBool::new(false)), AtomicBool::new(false));
    let reply = thread::scope(|scope| {
        scope.spawn(|| {
            let end = Instant::now() + patience.0;
            while !is_done.load(Ordering::SeqCst) {
                if Instant::now() >= end {
                    return cancelled.store(true, Ordering::SeqCst);
                }
                thread::sleep(Duration::from_millis(100));
            }
        });
        let reply = ask(&cancelled);
        is_done.store(true, Ordering::SeqCst);
        reply
    });
    match reply {
        Reply::Image { key, artifacts } => Ok((PublicKey::from_pem(&key)?, artifacts)),
        Reply::Refused { .. } if cancelled.load(Ordering::SeqCst) => {
            anyhow::bail!("nobody answered within {patience}")
        }
        Reply::Refused { reason, .. } => anyhow::bail!("{reason}"),
        _ => anyhow::bail!("the agent gave another answer than was expected"),
    }
}
