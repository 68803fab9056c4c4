//! A request and its answer, whatever happens in between: logging in, redirects, trying again.

use std::io::{self, Read};
use std::time::Duration;

use ureq::http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use ureq::{Body, BodyReader};
use url::Url;

use super::error::{self, ClientError, Retries};
use super::transport::{Patience, Payload, Wire};
use super::{Client, challenge};

/// What helps where a tag is kept back: no login does.
const HELD: &str = "it can be read by its digest";

const REDIRECTS: u32 = 5;
const ERROR_BYTES: u64 = 64 << 10;
/// Longer than this nobody is kept waiting for a registry that asks for patience; it is told instead.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Something to be asked of a registry's API.
pub(super) struct Order<'a> {
    pub(super) registry: &'a str,
    pub(super) method: Method,
    pub(super) place: Place<'a>,
    /// What a token must allow (`repository:NAME:pull`).
    pub(super) scope: String,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) patience: Patience,
    /// What is being done, for messages: `could not …`.
    pub(super) action: &'a str,
}

/// Where it is asked.
pub(super) enum Place<'a> {
    /// Below the registry's `/v2/`.
    Path(Vec<&'a str>, Option<(&'a str, &'a str)>),
    /// Where the registry said.
    Url(Url),
}

/// One request to one address.
pub(super) struct Outgoing<'a> {
    pub(super) registry: &'a str,
    pub(super) method: Method,
    pub(super) url: &'a Url,
    pub(super) headers: &'a [(HeaderName, HeaderValue)],
    pub(super) patience: Patience,
    pub(super) action: &'a str,
}

/// What came back; its body is not read yet.
pub(super) struct Answer {
    registry: String,
    action: String,
    url: Url,
    response: Response<Body>,
}

impl Client {
    /// Asks, logs in where that is wanted, follows redirects, tries again what may be tried again.
    pub(super) fn exchange(&self, order: &Order<'_>, mut payload: Payload<'_>) -> Result<Answer, ClientError> {
        let base = self.base(order.registry, order.action)?;
        let mut url = match &order.place {
            Place::Url(url) => url.clone(),
            Place::Path(segments, query) => path_url(&base, segments, *query),
        };
        let may_follow = order.method == Method::GET || order.method == Method::HEAD;
        let (mut redirects, mut has_logged_in) = (0, false);
        loop {
            let is_at_home = url.origin() == base.origin();
            let mut headers = order.headers.clone();
            let mut used = None;
            // A login is for the registry alone, never for where it sends us.
            if is_at_home {
                used = self.authorization(order.registry, &base, &order.scope, order.action)?;
                headers.extend(used.clone().map(|value| (header::AUTHORIZATION, value)));
            }
            let outgoing = Outgoing {
                registry: order.registry,
                method: order.method.clone(),
                url: &url,
                headers: &headers,
                patience: order.patience,
                action: order.action,
            };
            let answer = self.repeat(&outgoing, payload.again())?;
            let status = answer.response.status();
            if status == StatusCode::UNAUTHORIZED && is_at_home && !has_logged_in && payload.is_repeatable() {
                has_logged_in = true;
                if self.learn(order.registry, &order.scope, answer.challenges()) {
                    let new = self.authorization(order.registry, &base, &order.scope, order.action)?;
                    if new.is_some() && new != used {
                        continue;
                    }
                }
                return Ok(answer);
            }
            if !(may_follow && status.is_redirection() && status != StatusCode::NOT_MODIFIED) {
                return Ok(answer);
            }
            redirects += 1;
            if redirects > REDIRECTS {
                return Err(answer.unusable(&format!("it redirects more than {REDIRECTS} times")));
            }
            url = answer.location()?;
        }
    }

    /// One request, made again where the failure may pass.
    pub(super) fn repeat(&self, outgoing: &Outgoing<'_>, mut payload: Payload<'_>) -> Result<Answer, ClientError> {
        let settings = &self.inner.settings;
        let attempts = if payload.is_repeatable() { settings.attempts.max(1) } else { 1 };
        let mut tries = 1;
        loop {
            let wire = Wire {
                method: outgoing.method.clone(),
                url: outgoing.url,
                headers: outgoing.headers,
                patience: outgoing.patience,
            };
            match self.inner.transport.send(&wire, payload.again()) {
                Err(failure) if tries < error::most_tries(&failure, attempts) => self.pause(tries, None),
                Err(failure) => {
                    return Err(ClientError::Unreachable {
                        action: outgoing.action.to_owned(),
                        registry: outgoing.registry.to_owned(),
                        reason: format!("{}{}", error::reason(&failure), Retries(tries)),
                    });
                }
                Ok(response) => {
                    let answer = Answer {
                        registry: outgoing.registry.to_owned(),
                        action: outgoing.action.to_owned(),
                        url: outgoing.url.clone(),
                        response,
                    };
                    let is_passing = matches!(answer.status(), 408 | 429 | 500 | 502 | 503 | 504);
                    let wait = answer.retry_after();
                    if !is_passing || tries >= attempts || wait.is_some_and(|wait| wait > LONGEST_PAUSE) {
                        return Ok(answer);
                    }
                    self.pause(tries, wait);
                }
            }
            tries += 1;
        }
    }

    /// The first repetition comes at once: most often a kept connection had been closed by the other side.
    pub(super) fn pause(&self, tries: u32, wanted: Option<Duration>) {
        let doubled = match tries {
            0 | 1 => Duration::ZERO,
            tries => self.inner.settings.backoff.saturating_mul(1 << (tries - 2).min(6)),
        };
        std::thread::sleep(wanted.unwrap_or_default().max(doubled.min(LONGEST_PAUSE)));
    }
}

/// An address below `/v2/`; each segment is encoded, and none can leave its place.
fn path_url(base: &Url, segments: &[&str], query: Option<(&str, &str)>) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments.iter().flat_map(|segment| segment.split('/')));
    }
    if let Some((name, value)) = query {
        url.query_pairs_mut().append_pair(name, value);
    }
    url
}

impl Answer {
    pub(super) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// The length that the answer says it has.
    pub(super) fn length(&self) -> Option<u64> {
        self.header("content-length")?.parse().ok()
    }

    /// Itself, where its status is one of `wanted`; else what the registry says in words.
    pub(super) fn expect(self, client: &Client, wanted: &[u16]) -> Result<Self, ClientError> {
        if wanted.contains(&self.status()) { Ok(self) } else { Err(self.refusal(client)) }
    }

    /// Reads the body whole.
    pub(super) fn bytes(self, limit: u64) -> Result<Vec<u8>, ClientError> {
        let expected = self.length();
        let too_large =
            || ClientError::TooLarge { action: self.action.clone(), registry: self.registry.clone(), limit };
        if expected.is_some_and(|expected| expected > limit) {
            return Err(too_large());
        }
        // No more room than the limit, whatever the header promises.
        let mut bytes = Vec::with_capacity(usize::try_from(expected.unwrap_or(4096)).unwrap_or_default());
        let (registry, action) = (self.registry.clone(), self.action.clone());
        let mut body = self.response.into_body().into_reader().take(limit + 1);
        match body.read_to_end(&mut bytes) {
            Ok(_) if bytes.len() as u64 > limit => Err(ClientError::TooLarge { action, registry, limit }),
            Ok(_) => Ok(bytes),
            Err(failure) => Err(ClientError::Interrupted {
                action,
                registry,
                received: bytes.len() as u64,
                expected,
                reason: error::body_reason(&failure),
                tries: Retries(1),
            }),
        }
    }

    pub(super) fn into_body(self) -> BodyReader<'static> {
        self.response.into_body().into_reader()
    }

    /// Where the answer sends us.
    pub(super) fn location(&self) -> Result<Url, ClientError> {
        let location = self.header("location").ok_or_else(|| self.unusable("it sends us elsewhere and not where"))?;
        let url = self.url.join(location).map_err(|_| self.unusable("it sends us to what is no address"))?;
        match (self.url.scheme(), url.scheme()) {
            (_, "https") | ("http", "http") => Ok(url),
            ("https", "http") => Err(self.unusable("it sends us from TLS to plain HTTP")),
            _ => Err(self.unusable("it sends us to what is no address of the web")),
        }
    }

    /// An address as written in the answer, where it stays at the same place.
    pub(super) fn join(&self, address: &str) -> Option<Url> {
        self.url.join(address).ok().filter(|url| url.origin() == self.url.origin())
    }

    pub(super) fn unusable(&self, reason: &str) -> ClientError {
        ClientError::Protocol {
            action: self.action.clone(),
            registry: self.registry.clone(),
            reason: reason.to_owned(),
        }
    }

    fn challenges(&self) -> Vec<challenge::Challenge> {
        let headers = self.response.headers().get_all(header::WWW_AUTHENTICATE);
        headers.iter().take(4).filter_map(|value| value.to_str().ok()).flat_map(challenge::parse).collect()
    }

    fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
    }

    fn refusal(self, client: &Client) -> ClientError {
        let (registry, action) = (self.registry.clone(), self.action.clone());
        let (status, retry_after) = (self.response.status(), self.retry_after());
        let points_to = self.header("docker-content-digest").and_then(|text| text.parse().ok());
        let mut body = Vec::new();
        // Whatever came is good enough: the status is what counts.
        let _: io::Result<usize> = self.into_body().take(ERROR_BYTES).read_to_end(&mut body);
        let detail = error::detail(status, &body);
        match status.as_u16() {
            401 => {
                ClientError::Unauthorized { hint: client.inner.credentials.hint(&registry), action, registry, detail }
            }
            403 => ClientError::Denied {
                hint: if points_to.is_some() { HELD.into() } else { client.inner.credentials.hint(&registry) },
                action,
                registry,
                detail,
                points_to,
            },
            404 => ClientError::NotFound { action, registry, detail },
            429 => ClientError::RateLimited { action, registry, detail, retry_after },
            status => ClientError::Status { action, registry, status, detail },
        }
    }
}
