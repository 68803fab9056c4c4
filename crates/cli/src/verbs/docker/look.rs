//! What engine and registry say of an image: asked by hooks as a verb of its own, so that what comes from outside is only
//! read by the owner of the data folder.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use gate::file::PolicyFile;
use image::client::{Client, ClientError, Credentials, Settings};
use image::source::{Engine, EngineRecord};
use image::{Digest, Reference};
use serde::{Deserialize, Serialize};

use super::super::{Command, Start};
use super::command_line::ClientOptions;
use super::engine::{Address, Surroundings};
use crate::house::{House, Needs};
use crate::output;

mod findings;

/// Arguments of the hidden `plimsoll docker-look`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[arg(value_enum)]
    what: What,
    /// The image.
    image: Reference,
    /// Docker's own options, as JSON.
    #[arg(long, default_value = "{}")]
    client: String,
    /// Every tag of the repository.
    #[arg(long)]
    all_tags: bool,
    /// The registry may be spoken to without TLS.
    #[arg(long)]
    insecure: bool,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// Which digest was pushed.
    Pushed,
    /// Which digest the engine holds, and whether somebody must have signed it.
    Held,
    /// What is known of the software in it.
    Findings,
}

/// What was seen of one image, as one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Sighting {
    /// Its name, as docker writes it.
    pub(crate) image: String,
    /// Whether the engine speaks to its registry without TLS, or with any certificate.
    pub(crate) insecure: bool,
    /// What was found.
    pub(crate) state: State,
    /// Whether a policy wants signatures of its repository.
    pub(crate) wants_signatures: bool,
}

/// Whether engine and registry agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    /// The engine recorded this digest for the name; after a push, the registry serves it under the tag.
    Agreed(String),
    /// The registry serves something else under the tag: somebody has pushed since.
    Moved {
        /// What the engine recorded.
        recorded: Vec<String>,
        /// What the registry serves.
        served: String,
    },
    /// The engine has no digest of it in this repository: it was neither pushed nor pulled.
    Unrecorded,
    /// The engine has no image of this name.
    Absent,
    /// The registry did not tell what the tag points to.
    Unserved(String),
}

/// What the first half hands to the second.
#[derive(Debug)]
pub(crate) struct Prepared {
    what: What,
    image: Reference,
    all_tags: bool,
    insecure: bool,
    engine: Option<Engine>,
    credentials: Credentials,
    policy: Option<PolicyFile>,
}

impl Command for Arguments {
    type Prepared = Prepared;
    const NEEDS: Needs = Needs::Folder;

    fn prepare(self, start: &Start) -> Result<Prepared> {
        let engine = match self.what {
            What::Findings => None,
            What::Pushed | What::Held => {
                let options: ClientOptions = serde_json::from_str(&self.client).context("--client is not right")?;
                Some(Address::find(&options, &Surroundings::of_this_process())?.connect()?)
            }
        };
        let policy = match self.what {
            What::Held => PolicyFile::open_first(&start.caller.policy_candidates(None, &start.settings))?,
            What::Pushed | What::Findings => None,
        };
        let credentials = Credentials::of_caller([&self.image]);
        let Self { what, image, all_tags, insecure, .. } = self;
        Ok(Prepared { what, image, all_tags, insecure, engine, credentials, policy })
    }

    fn execute(prepared: Prepared, _house: House) -> Result<ExitCode> {
        let Prepared { what, image, all_tags, mut insecure, engine, credentials, policy } = prepared;
        if let Some(engine) = &engine {
            // An engine that does not tell has its registries with TLS.
            let listed = engine.insecure_registries().unwrap_or_default();
            insecure = listed.iter().any(|listed| listed.eq_ignore_ascii_case(&image.registry));
        }
        let insecure_registries = if insecure { vec![image.registry.clone()] } else { Vec::new() };
        let client = Client::new(credentials, Settings { insecure_registries, attempts: 2, ..Settings::default() });
        let Some(engine) = engine else {
            output::write(output::plain(&findings::summary(&client, &image)).as_bytes())?;
            return Ok(ExitCode::SUCCESS);
        };
        let records = if all_tags {
            engine.records(&image)?.into_iter().map(|(image, record)| (image, Some(record))).collect()
        } else {
            vec![(image.clone(), engine.record(&image)?)]
        };
        let wants_signatures = match policy {
            Some(file) => !file.parse()?.needs(&image.repository_name()).signers.is_empty(),
            None => false,
        };
        let mut text = String::new();
        for (image, record) in records {
            let state = match what {
                What::Pushed => pushed(record.as_ref(), |expected| served(&client, &image, expected)),
                What::Held | What::Findings => held(&image, record.as_ref()),
            };
            let sighting = Sighting { image: image.familiar(), insecure, state, wants_signatures };
            text.push_str(&serde_json::to_string(&sighting)?);
            text.push('\n');
        }
        output::write(text.as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What the registry has under the tag, asked by someone who expects `expected`.
fn served(client: &Client, image: &Reference, expected: &Digest) -> Result<Digest, ClientError> {
    client.tag_digest(image, image.tag.as_deref().unwrap_or("latest"), expected)
}

/// Only what the engine recorded and the registry serves is what was pushed.
fn pushed(record: Option<&EngineRecord>, served: impl Fn(&Digest) -> Result<Digest, ClientError>) -> State {
    let Some(record) = record else { return State::Absent };
    if record.digests.is_empty() {
        return State::Unrecorded;
    }
    // An engine that keeps indexes may have sent a platform's manifest alone. The newest record is the last.
    let candidates = || record.digests.iter().rev().chain(&record.platforms);
    let mut refusal = None;
    for expected in candidates() {
        match served(expected) {
            Ok(served) if candidates().any(|candidate| *candidate == served) => {
                return State::Agreed(served.to_string());
            }
            Ok(served) => {
                let recorded = record.digests.iter().map(Digest::to_string).collect();
                return State::Moved { recorded, served: served.to_string() };
            }
            // A registry that keeps the image back tells only those who know the digest.
            Err(error @ ClientError::Denied { .. }) => refusal = refusal.or(Some(error)),
            Err(error) => return State::Unserved(error.to_string()),
        }
    }
    State::Unserved(refusal.map_or_else(|| "it does not say why".to_owned(), |error| error.to_string()))
}

/// What the engine would run, without asking the registry.
fn held(image: &Reference, record: Option<&EngineRecord>) -> State {
    match (&image.digest, record) {
        (Some(digest), _) => State::Agreed(digest.to_string()),
        (None, None) => State::Absent,
        (None, Some(record)) => match record.digests.last() {
            Some(digest) => State::Agreed(digest.to_string()),
            None => State::Unrecorded,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(text: &str) -> Digest {
        Digest::sha256(text.as_bytes())
    }

    fn record(digests: &[&str], platforms: &[&str]) -> EngineRecord {
        let all = |texts: &[&str]| texts.iter().map(|text| digest(text)).collect();
        EngineRecord { digests: all(digests), platforms: all(platforms) }
    }

    #[test]
    fn only_what_engine_and_registry_agree_on_was_pushed() {
        let serves = |text: &str| {
            let digest = digest(text);
            move |_: &Digest| Ok(digest.clone())
        };
        let agreed = |text: &str| State::Agreed(digest(text).to_string());
        assert_eq!(pushed(Some(&record(&["a"], &[])), serves("a")), agreed("a"));
        assert_eq!(pushed(Some(&record(&["old", "a"], &[])), serves("a")), agreed("a"));
        // `push --platform`, and an engine that has not all platforms of an index.
        assert_eq!(pushed(Some(&record(&["index"], &["arm64", "amd64"])), serves("amd64")), agreed("amd64"));
        let moved = pushed(Some(&record(&["a"], &["x"])), serves("b"));
        assert_eq!(moved, State::Moved { recorded: vec![digest("a").to_string()], served: digest("b").to_string() });
        // A registry that nobody asks cannot mislead.
        let unasked = |_: &Digest| panic!("there is nothing to compare with");
        // One that keeps the image back answers only who names its digest.
        let held = |expected: &Digest| {
            if *expected == digest("held") {
                return Ok(expected.clone());
            }
            let (action, registry) = ("read".to_owned(), "registry.example.com".to_owned());
            Err(ClientError::Denied {
                points_to: None,
                action,
                registry,
                detail: "; unsigned".into(),
                hint: String::new(),
            })
        };
        assert_eq!(pushed(Some(&record(&["held", "other"], &[])), held), agreed("held"));
        assert!(
            matches!(pushed(Some(&record(&["other"], &[])), held), State::Unserved(why) if why.contains("unsigned"))
        );
        assert_eq!(pushed(Some(&record(&[], &["amd64"])), unasked), State::Unrecorded);
        assert_eq!(pushed(None, unasked), State::Absent);
    }
}
