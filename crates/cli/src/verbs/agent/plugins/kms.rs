//! Sigstore's KMS plugin protocol, version 1 (sigstore/sigstore, `pkg/signature/kms/cliplugin`): the version and a request
//! as JSON in the arguments, the message on standard input, JSON on standard output. The exit status is not looked at, so
//! an error is an answer as well.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use keys::agent::Request;
use keys::{Algorithm, Hash, PublicKey};
use serde::Deserialize;
use serde_json::{Value, json};

use super::base64;
use crate::exit::sentence;
use crate::output;

const VERSION: &str = "v1";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    init_options: Options,
    method_name: String,
    sign_message: Option<Signing>,
    verify_signature: Option<Verifying>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Options {
    protocol_version: String,
    /// What follows `plimsoll://`, and in some versions that as well.
    #[serde(rename = "keyResourceID")]
    key: String,
    #[serde(default)]
    hash_func: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Signing {
    sign_options: Option<MessageOf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verifying {
    #[serde(default, deserialize_with = "base64::deserialize")]
    signature: Vec<u8>,
    verify_options: Option<MessageOf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageOf {
    message_options: Option<MessageOptions>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageOptions {
    #[serde(default, deserialize_with = "base64::deserialize")]
    digest: Vec<u8>,
    hash_func: Option<u32>,
}

pub(super) fn answer(words: &[String]) -> ExitCode {
    let answered = perform(words);
    let is_good = answered.is_ok();
    let answer = answered.unwrap_or_else(|error| json!({ "errorMessage": sentence(&error) }));
    let is_written = output::write(format!("{answer}\n").as_bytes()).is_ok();
    if is_good && is_written { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn perform(words: &[String]) -> Result<Value> {
    let [version, request] = words else {
        bail!("this is a plugin that cosign calls: cosign sign --key plimsoll://NAME IMAGE");
    };
    let asked: Asked = serde_json::from_str(request).context("the request is not Sigstore's")?;
    if version != VERSION || asked.init_options.protocol_version != VERSION {
        bail!("version {version} of Sigstore's plugin protocol is not spoken here, {VERSION} is");
    }
    match asked.method_name.as_str() {
        "publicKey" => {
            let key = asked.public_key()?;
            Ok(json!({ "publicKey": { "publicKeyPEM": base64::encode(key.to_pem().as_bytes()) } }))
        }
        "signMessage" => sign(&asked),
        "verifySignature" => verify(&asked),
        "defaultAlgorithm" => Ok(json!({ "defaultAlgorithm": { "defaultAlgorithm": word(Algorithm::EcdsaP256) } })),
        "supportedAlgorithms" => {
            let words = [Algorithm::EcdsaP256, Algorithm::EcdsaP384, Algorithm::Ed25519].map(word);
            Ok(json!({ "supportedAlgorithms": { "supportedAlgorithms": words } }))
        }
        "createKey" => {
            bail!("keys are made with plimsoll key generate, and given to the agent with plimsoll agent add")
        }
        other => bail!("{other:?} is nothing that this plugin can do"),
    }
}

fn word(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::EcdsaP256 => "ecdsa-p256",
        Algorithm::EcdsaP384 => "ecdsa-p384",
        Algorithm::Ed25519 => "ed25519",
        Algorithm::Rsa { .. } => "rsa",
    }
}

impl Asked {
    fn key(&self) -> Option<&str> {
        let key = self.init_options.key.as_str();
        Some(key.strip_prefix("plimsoll://").unwrap_or(key)).filter(|key| !key.is_empty())
    }

    fn public_key(&self) -> Result<PublicKey> {
        let key = super::key(&super::agent()?, self.key())?;
        Ok(PublicKey::from_pem(&key.public)?)
    }

    /// The hash that is wanted, by its number in Go's `crypto`.
    fn hash(&self, options: &MessageOptions) -> Result<Hash> {
        match options.hash_func.unwrap_or(self.init_options.hash_func) {
            5 => Ok(Hash::Sha256),
            6 => Ok(Hash::Sha384),
            7 => Ok(Hash::Sha512),
            other => bail!("the hash with Go's number {other} goes with no key here; SHA-256 is 5"),
        }
    }
}

fn sign(asked: &Asked) -> Result<Value> {
    let options = asked.sign_message.as_ref().and_then(|signing| signing.sign_options.as_ref());
    let none = MessageOptions::default();
    let options = options.and_then(|options| options.message_options.as_ref()).unwrap_or(&none);
    let agent = super::agent()?;
    let held = super::key(&agent, asked.key())?;
    let public = PublicKey::from_pem(&held.public)?;
    let key = Some(held.uri);
    // cosign sends the message and its digest; Go's `crypto.Signer` a digest and nothing on standard input.
    let payload = super::standard_input()?;
    let request = if payload.is_empty() && !options.digest.is_empty() {
        Request::SignRaw { key, digest: options.digest.clone(), hash: asked.hash(options)? }
    } else if public.algorithm() == Algorithm::Ed25519 {
        Request::SignPayload { key, payload, hash: None }
    } else {
        let hash = asked.hash(options)?;
        if !options.digest.is_empty() && hash.of(&payload) != options.digest {
            bail!("the digest that should be signed is not that of the message that came with it");
        }
        Request::SignPayload { key, payload, hash: Some(hash) }
    };
    let (_, signature) = agent.sign(request, &mut |_| {})?;
    Ok(json!({ "signMessage": { "signature": base64::encode(signature.as_bytes()) } }))
}

fn verify(asked: &Asked) -> Result<Value> {
    let verifying = asked.verify_signature.as_ref().context("the request has no signature to verify")?;
    let options = verifying.verify_options.as_ref().and_then(|options| options.message_options.as_ref());
    if options.is_some_and(|options| !options.digest.is_empty()) {
        bail!("signatures are verified over messages here, and not over a digest");
    }
    asked.public_key()?.verify(&super::standard_input()?, &verifying.signature)?;
    Ok(json!({ "verifySignature": {} }))
}
