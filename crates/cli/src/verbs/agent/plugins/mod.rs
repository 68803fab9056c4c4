//! This program under the names by which other people's clients call it. Each asks the agent and holds no secret.

mod kms;
mod notation;

use std::ffi::OsString;
use std::io::Read as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use keys::agent::{Client, HeldKey, client, place};

/// notation's plugin.
pub(crate) const NOTATION: &str = "notation-plimsoll";
/// cosign's, and that of everything else that uses Sigstore's KMS plugins.
pub(crate) const KMS: &str = "sigstore-kms-plimsoll";

/// More than any request is long.
const LONGEST: u64 = 1 << 20;

/// Answers where this program was called by one of these names.
pub(crate) fn answer() -> Option<ExitCode> {
    let mut arguments = std::env::args_os();
    let name = arguments.next()?;
    let arguments: Vec<OsString> = arguments.collect();
    let words: Vec<String> = arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    match Path::new(&name).file_name()?.to_str()? {
        NOTATION => Some(notation::answer(&words)),
        KMS => Some(kms::answer(&words)),
        _ => None,
    }
}

fn agent() -> Result<Client> {
    Ok(Client::connect(&place::socket()?)?.at_terminal(client::own_terminal()))
}

/// The key that a client's name for it means, as the agent sees it.
fn key(agent: &Client, name: Option<&str>) -> Result<HeldKey> {
    let keys = agent.keys()?;
    let names = |key: &HeldKey| {
        let fingerprint = name.is_some_and(|name| name.len() >= 8 && key.fingerprint.starts_with(name));
        let path = key.uri.strip_prefix("file:").unwrap_or(&key.uri);
        let stem = Path::new(path).file_stem().and_then(|stem| stem.to_str());
        name.is_none_or(|name| fingerprint || key.uri == name || path == name || stem == Some(name))
    };
    let held = || keys.iter().map(|key| key.uri.clone()).collect::<Vec<_>>().join(", ");
    let mut fits = keys.iter().filter(|key| names(key));
    match (fits.next(), fits.next()) {
        (Some(key), None) => Ok(key.clone()),
        (Some(_), Some(_)) => anyhow::bail!("the agent holds several keys; name one of {}", held()),
        (None, _) if keys.is_empty() => {
            anyhow::bail!("the agent holds no key; give it one with: plimsoll agent add KEY")
        }
        (None, _) => anyhow::bail!("the agent holds no key {}; it holds {}", name.unwrap_or_default(), held()),
    }
}

fn standard_input() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(LONGEST + 1).read_to_end(&mut bytes).context("cannot read the request")?;
    anyhow::ensure!(bytes.len() as u64 <= LONGEST, "the request is longer than {LONGEST} bytes");
    Ok(bytes)
}

mod base64 {
    //! Go's JSON has bytes as base64, and `null` for none.

    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use serde::{Deserialize as _, Deserializer};

    pub(super) fn encode(bytes: &[u8]) -> String {
        BASE64_STANDARD.encode(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
        BASE64_STANDARD.decode(text).map_err(serde::de::Error::custom)
    }
}
