//! Connections: one request out, one answer's head back, with timeouts, TLS and proxies.

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ureq::config::AutoHeaderValue;
use ureq::http::{HeaderName, HeaderValue, Method, Request, Response};
use ureq::{Agent, Body, Proxy, SendBody};
use url::Url;

use super::{Settings, endpoint, tls};

/// The answers of the probe come at once or the registry does not understand the question.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// One request as it goes over the wire.
pub(super) struct Wire<'a> {
    pub(super) method: Method,
    pub(super) url: &'a Url,
    pub(super) headers: &'a [(HeaderName, HeaderValue)],
    pub(super) patience: Patience,
}

/// How long the whole may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// A look at what is there.
    Probe,
    /// Something small: bounded as a whole.
    Small,
    /// Something of any size: it must only go on.
    Stream,
}

/// What a request carries.
pub(super) enum Payload<'a> {
    /// Nothing.
    None,
    /// Bytes, which can be sent again.
    Bytes(&'a [u8]),
    /// So many bytes out of a reader, which can be sent once.
    Stream(&'a mut (dyn Read + Send), u64),
}

impl Payload<'_> {
    pub(super) fn is_repeatable(&self) -> bool {
        !matches!(self, Self::Stream(..))
    }

    pub(super) fn again(&mut self) -> Payload<'_> {
        match self {
            Self::None => Payload::None,
            Self::Bytes(bytes) => Payload::Bytes(bytes),
            Self::Stream(input, size) => Payload::Stream(&mut **input, *size),
        }
    }
}

pub(super) struct Transport {
    settings: Settings,
    /// An agent an origin: TLS and proxy depend on it.
    agents: Mutex<HashMap<String, Agent>>,
}

impl Transport {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, agents: Mutex::default() }
    }

    pub(super) fn send(&self, wire: &Wire<'_>, payload: Payload<'_>) -> Result<Response<Body>, ureq::Error> {
        let agent = self.agent(wire.url)?;
        let mut request = Request::builder().method(wire.method.clone()).uri(wire.url.as_str());
        for (name, value) in wire.headers {
            request = request.header(name, value);
        }
        tracing::debug!(method = %wire.method, host = wire.url.host_str(), path = wire.url.path(), "asking");
        let answer = match payload {
            Payload::None if wire.method == Method::GET || wire.method == Method::HEAD => {
                self.run(&agent, wire, request.body(SendBody::none())?)
            }
            Payload::None => self.run(&agent, wire, request.body(&b""[..])?),
            Payload::Bytes(bytes) => self.run(&agent, wire, request.body(bytes)?),
            Payload::Stream(mut input, size) => {
                let request = request.header(ureq::http::header::CONTENT_LENGTH, size);
                self.run(&agent, wire, request.body(SendBody::from_reader(&mut input))?)
            }
        };
        match &answer {
            Ok(answer) => tracing::debug!(status = answer.status().as_u16(), "answered"),
            Err(failure) => tracing::debug!(%failure, "no answer"),
        }
        answer
    }

    fn run(
        &self,
        agent: &Agent,
        wire: &Wire<'_>,
        request: Request<impl ureq::AsSendBody>,
    ) -> Result<Response<Body>, ureq::Error> {
        let settings = &self.settings;
        let config = agent.configure_request(request);
        let config = match wire.patience {
            Patience::Probe => config.timeout_global(Some(PROBE_TIMEOUT.min(settings.small_timeout))),
            Patience::Small => config.timeout_global(Some(settings.small_timeout)),
            Patience::Stream => config,
        };
        // A read waits for the answer's first byte, too, and a registry may take its time over what it was given.
        let is_reading = wire.method == Method::GET || wire.method == Method::HEAD;
        let per_read = if is_reading { settings.stall_timeout } else { settings.answer_timeout };
        agent.run(config.timeout_per_read(Some(per_read)).build())
    }

    fn agent(&self, url: &Url) -> Result<Agent, ureq::Error> {
        let origin = url.origin().ascii_serialization();
        let agents = || self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agent) = agents().get(&origin) {
            return Ok(agent.clone());
        }
        let agent = self.new_agent(url)?;
        Ok(agents().entry(origin).or_insert(agent).clone())
    }

    fn new_agent(&self, url: &Url) -> Result<Agent, ureq::Error> {
        let settings = &self.settings;
        let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
        let authority = authority_of(url);
        let proxy = settings.proxies.of(url.scheme(), host, port).map(Proxy::new).transpose()?;
        let verify = !endpoint::is_insecure(&authority, settings);
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(proxy)
            .tls_config(tls::config(&authority, verify, settings)?)
            .user_agent(settings.user_agent.as_str())
            .accept_encoding(AutoHeaderValue::None)
            .timeout_resolve(Some(settings.connect_timeout))
            .timeout_connect(Some(settings.connect_timeout))
            .timeout_recv_response(Some(settings.answer_timeout))
            .timeout_per_write(Some(settings.stall_timeout))
            .max_idle_connections_per_host(8)
            .build();
        Ok(config.new_agent())
    }
}

/// `HOST`, or `HOST:PORT` where the port is not the scheme's own: as references and `certs.d` write it.
pub(super) fn authority_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}
