//! notation's plugin protocol (notaryproject/specifications, `specs/plugin-extensibility.md`): a command as argument,
//! JSON on standard input, JSON on standard output, or an error as JSON on standard error and another exit code than 0.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use keys::agent::{ClientError, Code, HeldKey, Request};
use keys::{Algorithm, Hash, PublicKey, certificate};
use serde::Deserialize;
use serde_json::{Value, json};

use super::base64;
use crate::exit::sentence;
use crate::output;

/// The version of the protocol.
const CONTRACT: &str = "1.0";
/// The entry of `pluginConfig` that names a file with the key's certificates, for those who have theirs from an authority.
const CERTIFICATE: &str = "certificate";

/// An error as notation reads it.
struct Failure {
    code: &'static str,
    message: String,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        let refusal = error.downcast_ref::<ClientError>();
        let code = match refusal {
            Some(ClientError::Refused { code: Code::NotAllowed | Code::Cancelled, .. }) => "ACCESS_DENIED",
            Some(ClientError::Refused { code: Code::Busy, .. }) => "THROTTLED",
            Some(ClientError::Refused { code: Code::NoKey | Code::Malformed, .. }) => "VALIDATION_ERROR",
            _ => "ERROR",
        };
        Self { code, message: sentence(&error) }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    #[serde(default)]
    contract_version: String,
    #[serde(default)]
    key_id: String,
    #[serde(default)]
    hash_algorithm: String,
    #[serde(default, deserialize_with = "base64::deserialize")]
    payload: Vec<u8>,
    #[serde(default)]
    plugin_config: Option<BTreeMap<String, String>>,
}

pub(super) fn answer(words: &[String]) -> ExitCode {
    let result = match words.first().map(String::as_str) {
        Some("get-plugin-metadata") => Ok(metadata()),
        Some("describe-key") => asked().and_then(|asked| describe(&asked)),
        Some("generate-signature") => asked().and_then(|asked| sign(&asked)),
        other => Err(Failure {
            code: "VALIDATION_ERROR",
            message: format!("{} is no command of this plugin; notation calls it", other.unwrap_or("nothing")),
        }),
    };
    match result {
        Ok(value) => match output::write(format!("{value}\n").as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(Failure { code, message }) => {
            eprintln!("{}", json!({ "errorCode": code, "errorMessage": message }));
            ExitCode::FAILURE
        }
    }
}

fn metadata() -> Value {
    json!({
        "name": "plimsoll",
        "description": "Signs with the keys of plimsoll's agent",
        "version": env!("CARGO_PKG_VERSION"),
        "url": "https://github.com/plimsoll/plimsoll",
        "supportedContractVersions": [CONTRACT],
        "capabilities": ["SIGNATURE_GENERATOR.RAW"],
    })
}

fn asked() -> Result<Asked, Failure> {
    let bytes = super::standard_input()?;
    let invalid = |message: String| Failure { code: "VALIDATION_ERROR", message };
    let asked: Asked =
        serde_json::from_slice(&bytes).map_err(|error| invalid(format!("the request is not notation's: {error}")))?;
    if asked.contract_version != CONTRACT {
        return Err(Failure {
            code: "UNSUPPORTED_CONTRACT_VERSION",
            message: format!("version {:?} of the protocol is not spoken here, {CONTRACT} is", asked.contract_version),
        });
    }
    Ok(asked)
}

impl Asked {
    /// notation wants some id; `default` is the agent's only key.
    fn key(&self) -> Option<&str> {
        Some(self.key_id.as_str()).filter(|key| !key.is_empty() && *key != "default")
    }
}

fn describe(asked: &Asked) -> Result<Value, Failure> {
    let key = super::key(&super::agent()?, asked.key())?;
    let (spec, _) = kind(&public(&key)?)?;
    Ok(json!({ "keyId": asked.key_id, "keySpec": spec }))
}

fn sign(asked: &Asked) -> Result<Value, Failure> {
    let agent = super::agent()?;
    let held = super::key(&agent, asked.key())?;
    let (_, algorithm) = kind(&public(&held)?)?;
    let hash = match asked.hash_algorithm.as_str() {
        "SHA-256" => Hash::Sha256,
        "SHA-384" => Hash::Sha384,
        other => {
            return Err(Failure {
                code: "VALIDATION_ERROR",
                message: format!("the hash {other:?} goes with no key here"),
            });
        }
    };
    // Before the touch: what cannot be completed needs none.
    let chain = chain(asked, &held)?;
    let request =
        Request::SignPayload { key: Some(held.uri.clone()), payload: asked.payload.clone(), hash: Some(hash) };
    let signed = agent.sign(request, &mut |_| {}).map_err(anyhow::Error::from)?;
    // JWS and COSE have r and s one after the other.
    let signature = signed.1.fixed().context("the agent's signature is none of ECDSA")?;
    Ok(json!({
        "keyId": asked.key_id,
        "signature": base64::encode(&signature),
        "signingAlgorithm": algorithm,
        "certificateChain": chain.iter().map(|certificate| base64::encode(certificate)).collect::<Vec<_>>(),
    }))
}

fn public(key: &HeldKey) -> Result<PublicKey> {
    Ok(PublicKey::from_pem(&key.public)?)
}

/// notation's words for the key and for what it signs with.
fn kind(key: &PublicKey) -> Result<(&'static str, &'static str), Failure> {
    match key.algorithm() {
        Algorithm::EcdsaP256 => Ok(("EC-256", "ECDSA-SHA-256")),
        Algorithm::EcdsaP384 => Ok(("EC-384", "ECDSA-SHA-384")),
        other => Err(Failure {
            code: "VALIDATION_ERROR",
            message: format!("the key is for {other}; notation signs with ECDSA on P-256 or P-384"),
        }),
    }
}

/// The certificates that go into the signature, the key's own first.
fn chain(asked: &Asked, key: &HeldKey) -> Result<Vec<Vec<u8>>> {
    let named = asked.plugin_config.as_ref().and_then(|config| config.get(CERTIFICATE));
    let chain = match (named, &key.certificate) {
        (Some(path), _) => {
            let text = std::fs::read_to_string(Path::new(path)).with_context(|| format!("cannot read {path}"))?;
            keys::pem::certificates(&text).with_context(|| format!("cannot read {path}"))?
        }
        (None, Some(certificate)) => vec![certificate.clone()],
        (None, None) => anyhow::bail!(
            "the key {} has no certificate, which notation's signatures carry; name a file with one by: notation sign \
             --plugin-config {CERTIFICATE}=FILE",
            key.uri
        ),
    };
    let first = chain.first().context("there is no certificate")?;
    anyhow::ensure!(certificate::key_of(first)? == public(key)?, "the certificate is for another key than {}", key.uri);
    Ok(chain)
}
