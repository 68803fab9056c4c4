//! What our registry says to agents and to those who look for one (docs/api.md).

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::Agent;
use ureq::http::{Request, StatusCode};
use url::{Host, Url};

/// Answers are held back for this long where there is nothing to tell.
pub(super) const WAIT: u64 = 25;
/// More than the registry holds an answer back.
const PATIENCE: Duration = Duration::from_mins(1);
/// More than any answer has: a thousand events.
const LARGEST: u64 = 4 << 20;

/// A registry of ours.
#[derive(Debug)]
pub(super) struct RegistryApi {
    agent: Agent,
    base: Url,
}

/// An answer that says no.
#[derive(Debug, thiserror::Error)]
#[error("{registry} says: {message}")]
pub(super) struct Refusal {
    registry: String,
    message: String,
    pub(super) status: u16,
}

#[derive(Deserialize)]
struct Errors {
    errors: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    message: String,
}

impl RegistryApi {
    /// The registry at an address, `https://registry.example.com`. Without TLS only on this machine, or where that was
    /// said to be right.
    pub(super) fn at(address: &str, insecure: &[String]) -> Result<Self> {
        let base = Url::parse(address).with_context(|| format!("{address:?} is no address of a registry"))?;
        let is_here = match base.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => bail!("{address:?} names no registry; write https://registry.example.com"),
        };
        let config =
            Agent::config_builder().http_status_as_error(false).max_redirects(0).timeout_global(Some(PATIENCE));
        let api = Self { agent: config.build().new_agent(), base };
        match api.base.scheme() {
            "https" => Ok(api),
            "http" if is_here || insecure.iter().any(|host| *host == api.authority()) => Ok(api),
            "http" => bail!("{address} is without TLS; if that is right, say --insecure-registry {}", api.authority()),
            other => bail!("{address:?} is an address of the kind {other:?}; registries have https"),
        }
    }

    /// `HOST[:PORT]`, as references begin.
    pub(super) fn authority(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        self.base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    pub(super) fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)], token: &str) -> Result<T> {
        self.ask("GET", path, query, token, None)
    }

    pub(super) fn post<T: DeserializeOwned>(&self, path: &str, token: &str, body: &impl serde::Serialize) -> Result<T> {
        self.ask("POST", path, &[], token, Some(serde_json::to_value(body)?))
    }

    pub(super) fn delete(&self, path: &str, token: &str) -> Result<()> {
        self.ask::<Value>("DELETE", path, &[], token, None).map(drop)
    }

    fn ask<T: DeserializeOwned>(
        &self,
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        token: &str,
        body: Option<Value>,
    ) -> Result<T> {
        let context = || format!("cannot ask the registry {}", self.authority());
        let mut url = self.base.join(path).with_context(context)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = Request::builder().method(method).uri(url.as_str());
        if !token.is_empty() {
            request = request.header("plimsoll-token", token);
        }
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let answer = self.agent.run(request.body(body).with_context(context)?).with_context(context)?;
        let status = answer.status();
        let text = answer.into_body().with_config().limit(LARGEST).read_to_string().with_context(context)?;
        if status == StatusCode::OK || status == StatusCode::CREATED {
            return serde_json::from_str(&text)
                .with_context(|| format!("what {} answered is not a plimsoll registry's", self.authority()));
        }
        let said = serde_json::from_str::<Errors>(&text).ok().and_then(|errors| errors.errors.into_iter().next());
        let message = said.map_or_else(
            || format!("{status}; it is no plimsoll registry, or an older one"),
            |said| said.message.chars().take(500).collect(),
        );
        Err(Refusal { registry: self.authority(), message, status: status.as_u16() }.into())
    }
}
