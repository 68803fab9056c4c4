//! `plimsoll agent sign`: have an agent sign an image, and write the signature beside it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use image::Reference;
use keys::{ImageRequest, PublicKey};
use trust::{Format, Subject};

use super::{connect, relayed};
use crate::output;
use crate::registries::Registries;

/// Arguments of `plimsoll agent sign`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The agent fetches the manifest itself and builds what is signed itself: it believes nothing of what this command says.")]
pub(super) struct Arguments {
    /// The image, as docker names it
    #[arg(value_name = "IMAGE")]
    image: Reference,
    /// The agent's key: its URI, its fingerprint or the first 8 digits of it, or its file's name without .key
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// What to make: bundle, cosign-tag, notation; several with commas
    #[arg(long = "format", value_name = "FORMAT", default_value = "bundle", value_delimiter = ',')]
    formats: Vec<Format>,
    /// Ask the agent at this socket [default: the calling user's]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Ask through this registry, a plimsoll one, where somebody serves requests: plimsoll agent serve-requests
    #[arg(long, value_name = "URL", conflicts_with = "socket")]
    via: Option<String>,
    /// Take a signature by this key alone (its public file)
    #[arg(long, value_name = "FILE")]
    by: Option<PathBuf>,
    #[command(flatten)]
    registries: Registries,
}

pub(super) fn perform(arguments: Arguments) -> Result<ExitCode> {
    let Arguments { image, key, formats, socket, via, by, registries } = arguments;
    let wanted = by.as_deref().map(PublicKey::read).transpose()?;
    let insecure = registries.insecure().to_vec();
    let client = registries.logins([&image]).client();
    let subject = Subject::resolve(&client, &image)?;
    let request = request(&subject, &formats);
    let key = key.or_else(|| wanted.as_ref().map(PublicKey::fingerprint));
    let mut progress = |text: &str| eprintln!("{}", output::plain(text));
    let (public, artifacts) = match via {
        Some(address) => relayed::ask(&address, &insecure, key.as_deref(), &request, &mut progress)?,
        None => connect(socket.as_ref())?.sign_image(key.as_deref(), &request, &mut progress)?,
    };
    if wanted.is_some_and(|wanted| wanted != public) {
        bail!("it was signed by another key, {}; nothing was written", public.fingerprint());
    }
    trust::publish(&client, &subject, &artifacts, &public)?;
    let text = format!("signed {}@{} by key {}\n", request.repository, request.digest, public.fingerprint());
    output::write(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// What is asked of an agent for an image.
pub(super) fn request(subject: &Subject, formats: &[Format]) -> ImageRequest {
    ImageRequest {
        repository: subject.reference.repository_name(),
        tag: subject.reference.tag.clone(),
        digest: subject.digest.to_string(),
        formats: formats.iter().map(|format| format.as_str().to_owned()).collect(),
    }
}
