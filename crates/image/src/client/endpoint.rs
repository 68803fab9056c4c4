//! Where a registry answers: its host, and whether it speaks TLS.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use ureq::http::Method;
use url::Url;

use super::error::{self, ClientError};
use super::transport::{Patience, Payload, Wire};
use super::{Client, Settings};

/// The name that everybody writes for Docker Hub, and the host that answers.
const HUB: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// What was found out about the schemes of registries that may be without TLS.
#[derive(Default)]
pub(super) struct Schemes(Mutex<HashMap<String, &'static str>>);

/// The host that serves a registry's API.
pub(super) fn host_of(registry: &str) -> &str {
    if registry == HUB.0 || registry == "index.docker.io" { HUB.1 } else { registry }
}

/// Whether a `HOST[:PORT]` is on this machine. As docker does, a name other than `localhost` is not looked up first: an
/// answer of the name service must not turn TLS off.
pub(super) fn is_loopback(authority: &str) -> bool {
    let host = without_port(authority);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a registry may be spoken to without TLS, or with a certificate that nobody vouches for.
pub(super) fn is_insecure(authority: &str, settings: &Settings) -> bool {
    is_loopback(authority) || settings.insecure_registries.iter().any(|listed| listed.eq_ignore_ascii_case(authority))
}

pub(super) fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !host.ends_with(':') => host,
        _ => authority,
    }
}

impl Client {
    /// The address under which a registry's API begins.
    pub(super) fn base(&self, registry: &str, action: &str) -> Result<Url, ClientError> {
        let host = host_of(registry);
        let scheme =
            if is_insecure(host, &self.inner.settings) { self.probe(host, registry, action)? } else { "https" };
        Url::parse(&format!("{scheme}://{host}/v2/")).map_err(|reason| ClientError::Unreachable {
            action: action.to_owned(),
            registry: registry.to_owned(),
            reason: format!("its name is no address ({reason})"),
        })
    }

    /// Tries TLS first and plain HTTP when what answers does not speak it, as docker does for such registries.
    fn probe(&self, host: &str, registry: &str, action: &str) -> Result<&'static str, ClientError> {
        let known = || self.inner.schemes.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(scheme) = known().get(host) {
            return Ok(scheme);
        }
        let unreachable = |reason: String| ClientError::Unreachable {
            action: action.to_owned(),
            registry: registry.to_owned(),
            reason,
        };
        let url = Url::parse(&format!("https://{host}/v2/"))
            .map_err(|reason| unreachable(format!("its name is no address ({reason})")))?;
        let wire = Wire { method: Method::GET, url: &url, headers: &[], patience: Patience::Probe };
        let scheme = match self.inner.transport.send(&wire, Payload::None) {
            Ok(_) => "https",
            Err(failure) if error::is_no_server(&failure) => return Err(unreachable(error::reason(&failure))),
            Err(failure) => {
                tracing::debug!(host, %failure, "no TLS there, going on in plain HTTP");
                "http"
            }
        };
        known().insert(host.to_owned(), scheme);
        Ok(scheme)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_told_by_address_and_by_the_one_name() {
        for yes in ["localhost", "LOCALHOST:5000", "127.0.0.1", "127.9.9.9:5000", "[::1]:5000", "[::1]"] {
            assert!(is_loopback(yes), "{yes}");
        }
        for no in
            ["localhost.example.com", "example.com:443", "10.0.0.1:5000", "128.0.0.1", "[::2]:5000", "127.0.0.1.nip.io"]
        {
            assert!(!is_loopback(no), "{no}");
        }
    }

    #[test]
    fn docker_hub_answers_under_another_name() {
        assert_eq!(host_of("docker.io"), "registry-1.docker.io");
        assert_eq!(host_of("ghcr.io"), "ghcr.io");
    }
}
