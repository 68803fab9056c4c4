//! Why a registry did not do what was asked, in words.

use std::error::Error as _;
use std::time::Duration;
use std::{fmt, io};

use serde::Deserialize;
use thiserror::Error;
use ureq::http::StatusCode;

use crate::Digest;
use crate::verified::DigestMismatch;

/// How often something was tried. Shown only where it was more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retries(pub u32);

/// Why a registry did not do what was asked. Texts that a registry sent are cut and escaped.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// No connection, or none that could be trusted, or it broke before an answer came.
    #[error("could not {action}: {registry} cannot be reached: {reason}")]
    Unreachable {
        /// What was being done, to what.
        action: String,
        /// The registry.
        registry: String,
        /// What went wrong, and what to do.
        reason: String,
    },
    /// The registry wants to know who asks (401).
    #[error("could not {action}: {registry} wants a login ({detail}); {hint}")]
    Unauthorized {
        /// What was being done, to what.
        action: String,
        /// The registry.
        registry: String,
        /// What the registry said.
        detail: String,
        /// What to do.
        hint: String,
    },
    /// The registry knows who asks, and says no (403).
    #[error("could not {action}: {registry} does not allow it ({detail}); {hint}")]
    Denied {
        /// What a tag that is kept back points to: its image can be read by digest, to be signed.
        points_to: Option<Digest>,
        /// What was being done, to what.
        action: String,
        /// The registry.
        registry: String,
        /// What the registry said.
        detail: String,
        /// What to do.
        hint: String,
    },
    /// There is no such thing (404).
    #[error(
        "could not {action}: {registry} has none ({detail}); check the name, that it was pushed, and that you may see it"
    )]
    NotFound {
        /// What was being done, to what.
        action: String,
        /// The registry.
        registry: String,
        /// What the registry said.
        detail: String,
    },
    /// Asked too often (429).
    #[error("could not {action}: {registry} was asked too often ({detail}); {}", wait(*.retry_after))]
    RateLimited {
        /// What was being done, to what.
        action: String,
        /// The registry.
        registry: String,
        /// What the registry said.
        detail: String,
        /// When it may be asked again.
        retry_after: Option<Duration>,
    },
    /// Any other answer that is not the wanted one.
    #[error("could not {action}: {registry} answered {status} ({detail})")]
    Status {
        /// What was being done, to what.
        action: String,
        /// The registry.
        registry: String,
        /// HTTP status.
        status: u16,
        /// What the registry said.
        detail: String,
    },
    /// An answer that makes no sense.
    #[error("could not {action}: the answer of {registry} cannot be used: {reason}")]
    Protocol {
        /// What was being done, to what.
        action: String,
        /// The registry.
        registry: String,
        /// What is wrong with it.
        reason: String,
    },
    /// More bytes than what was asked for may have.
    #[error("could not {action}: {registry} sends more than the {limit} bytes that it may have")]
    TooLarge {
        /// What was being done, to what.
        action: String,
        /// The registry.
        registry: String,
        /// The bound.
        limit: u64,
    },
    /// An answer that stopped in the middle.
    #[error(
        "could not {action}: {registry} stopped in the middle, {} came: {reason}{tries}",
        progress(*.received, *.expected)
    )]
    Interrupted {
        /// What was being done, to what.
        action: String,
        /// The registry.
        registry: String,
        /// Bytes that came.
        received: u64,
        /// Bytes that should have come, where that is known.
        expected: Option<u64>,
        /// What happened to the connection.
        reason: String,
        /// How often it was tried.
        tries: Retries,
    },
    /// The bytes are not the ones that were asked for.
    #[error(transparent)]
    Digest(#[from] DigestMismatch),
    /// What was to be sent could not be read.
    #[error("could not {action}: {source}")]
    Local {
        /// What was being done, to what.
        action: String,
        /// What the system said.
        source: io::Error,
    },
    /// Others wrote the same tag again and again.
    #[error(
        "could not {action}: others keep writing the list of referrers at the same time ({} tries); try again in a minute",
        .tries.0
    )]
    Contended {
        /// What was being done, to what.
        action: String,
        /// How often it was tried.
        tries: Retries,
    },
}

impl ClientError {
    /// What a registry said where it keeps a tag back.
    pub fn held_back(&self) -> Option<&str> {
        match self {
            Self::Denied { points_to: Some(_), detail, .. } => Some(detail),
            _ => None,
        }
    }

    /// Whether there is no such thing, as opposed to all that can go wrong on the way.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Whether the registry does not answer, or wants to be left alone: asking it for other things will not do better.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Interrupted { .. } | Self::RateLimited { .. })
    }
}

/// What a registry says in the body of an error (distribution-spec, "Error Codes").
#[derive(Debug, Default, Deserialize)]
pub(super) struct ErrorBody {
    #[serde(default)]
    errors: Vec<ErrorEntry>,
    /// Some token servers say `{"details": …}` or `{"message": …}`.
    #[serde(alias = "message", alias = "error_description")]
    details: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ErrorEntry {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: Option<String>,
}

/// The status and the codes of an answer that is not the wanted one, in words.
pub(super) fn detail(status: StatusCode, body: &[u8]) -> String {
    let said: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
    let entries: Vec<String> = said
        .errors
        .iter()
        .take(3)
        .map(|entry| {
            let code = escaped(&entry.code);
            match entry.message.as_deref().map(escaped).filter(|message| !message.is_empty()) {
                Some(message) => format!("{code}: {message}"),
                None => code,
            }
        })
        .filter(|text| !text.is_empty())
        .collect();
    if !entries.is_empty() {
        return entries.join("; ");
    }
    match said.details {
        Some(text) => escaped(&text),
        None => match status.canonical_reason() {
            Some(reason) => format!("{} {reason}", status.as_u16()),
            None => status.as_u16().to_string(),
        },
    }
}

/// Text of a registry, fit for a message: short, in one line, without control characters.
pub(super) fn escaped(text: &str) -> String {
    const LONGEST: usize = 300;
    let mut out: String = text
        .chars()
        .take(LONGEST)
        .flat_map(|character| {
            let escape = character.is_control().then(|| character.escape_default());
            escape.clone().into_iter().flatten().chain(escape.is_none().then_some(character))
        })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        out.push('…');
    }
    out
}

/// Whether nothing at all listens there, so that no other scheme will help.
pub(super) fn is_no_server(failure: &ureq::Error) -> bool {
    match failure {
        ureq::Error::HostNotFound | ureq::Error::BadUri(_) | ureq::Error::ConnectProxyFailed(_) => true,
        ureq::Error::Io(error) => matches!(
            error.kind(),
            io::ErrorKind::ConnectionRefused | io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable
        ),
        _ => false,
    }
}

/// Whether a connection that failed this way may succeed when tried again.
fn is_passing(failure: &ureq::Error) -> bool {
    match failure {
        ureq::Error::Io(error) => {
            // A certificate that is not trusted comes as an I/O error of kind `InvalidData`.
            !is_no_server(failure) && error.kind() != io::ErrorKind::InvalidData
        }
        // A small answer that took longer than all of its time is not waited for once more.
        ureq::Error::Timeout(which) => !matches!(which, ureq::Timeout::Global | ureq::Timeout::PerCall),
        ureq::Error::ConnectionFailed | ureq::Error::BodyStalled => true,
        _ => false,
    }
}

/// How often a request that failed this way may be made in all. Who waited out a time-out waits for one more at most.
pub(super) fn most_tries(failure: &ureq::Error, attempts: u32) -> u32 {
    match failure {
        _ if !is_passing(failure) => 1,
        ureq::Error::Timeout(_) => attempts.min(2),
        _ => attempts,
    }
}

/// What a failed connection means.
pub(super) fn reason(failure: &ureq::Error) -> String {
    match failure {
        ureq::Error::HostNotFound => "no such host; check its name and the name service".into(),
        ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
            "it did not answer in time; check network, proxy and firewall".into()
        }
        ureq::Error::Timeout(ureq::Timeout::RecvResponse) => "it took the request and did not answer in time".into(),
        ureq::Error::Timeout(ureq::Timeout::PerRead) => "not a byte came for too long".into(),
        ureq::Error::Timeout(ureq::Timeout::PerWrite) => "it takes no more bytes".into(),
        ureq::Error::Timeout(_) => "it took too long".into(),
        ureq::Error::Protocol(error) => escaped(&format!("what it sent is no HTTP ({error})")),
        ureq::Error::LargeResponseHeader(..) => "its answer's header has no end".into(),
        ureq::Error::Rustls(error) => tls_reason(&error.to_string()),
        ureq::Error::Io(error) => io_reason(error),
        ureq::Error::InvalidProxyUrl => "HTTP_PROXY or HTTPS_PROXY names no proxy of the kind http: or https:".into(),
        ureq::Error::ConnectProxyFailed(text) => escaped(&format!("the proxy said no: {text}")),
        ureq::Error::Other(error) => escaped(&error.to_string()),
        other => escaped(&other.to_string()),
    }
}

/// What became of a body that was being read.
pub(super) fn body_reason(failure: &io::Error) -> String {
    match failure.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>()) {
        Some(failure) => reason(failure),
        None => io_reason(failure),
    }
}

fn io_reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused; is it running, and is the port right?".into(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => "the connection was closed".into(),
        io::ErrorKind::InvalidData => {
            let inner = error.get_ref().map_or_else(|| error.to_string(), ToString::to_string);
            let source = error.source().map(ToString::to_string).filter(|source| *source != inner);
            tls_reason(&source.map_or(inner.clone(), |source| format!("{inner}: {source}")))
        }
        _ => escaped(&error.to_string()),
    }
}

fn tls_reason(text: &str) -> String {
    let text = escaped(text);
    if text.contains("No CA certificates") {
        "this machine has no CA certificates to check its certificate with; install the package ca-certificates".into()
    } else if text.contains("certificate") {
        format!(
            "its certificate is not trusted ({text}); if it is the registry's own, put its CA into \
             /etc/docker/certs.d/REGISTRY/ca.crt or the system's store"
        )
    } else {
        format!("TLS failed ({text}); if it is a registry without TLS, say so with --insecure-registry HOST[:PORT]")
    }
}

fn wait(retry_after: Option<Duration>) -> String {
    match retry_after {
        Some(time) => format!("try again in {} s, or log in for a higher limit", time.as_secs()),
        None => "try again later, or log in for a higher limit".into(),
    }
}

fn progress(received: u64, expected: Option<u64>) -> String {
    match expected {
        Some(expected) => format!("{received} of {expected} bytes"),
        None => format!("{received} bytes"),
    }
}

impl fmt::Display for Retries {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 > 1 { write!(formatter, " ({} tries)", self.0) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registrys_codes_and_words_are_told_and_cannot_move_the_cursor() {
        let body = br#"{"errors":[{"code":"DENIED","message":"no\u001b[2J\nway","detail":{"x":1}},{"code":"X"}]}"#;
        assert_eq!(detail(StatusCode::FORBIDDEN, body), "DENIED: no\\u{1b}[2J\\nway; X");
        assert_eq!(detail(StatusCode::FORBIDDEN, b"<html>"), "403 Forbidden");
        assert_eq!(detail(StatusCode::FORBIDDEN, br#"{"details":"incorrect password"}"#), "incorrect password");
        assert_eq!(escaped(&"x".repeat(1000)).chars().count(), 301);
    }
}
