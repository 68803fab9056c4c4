//! An engine elsewhere (`tcp://HOST:PORT`), with TLS or without.

use std::fmt;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};
use zeroize::Zeroizing;

use super::{ANSWER, Engine, EngineError, SILENCE};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(15);

/// What docker's client shows to and asks of an engine elsewhere: the contents of `ca.pem`, `cert.pem` and `key.pem`.
#[derive(Clone, Default)]
pub struct EngineTls {
    /// Who vouches for the engine; the system's authorities where there is none.
    pub authority: Option<Vec<u8>>,
    /// The client's certificate and its key.
    pub client: Option<(Vec<u8>, Zeroizing<Vec<u8>>)>,
    /// Takes whatever certificate the engine shows (docker's `--tls` without `--tlsverify`).
    pub takes_any: bool,
}

impl fmt::Debug for EngineTls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EngineTls").field("takes_any", &self.takes_any).finish_non_exhaustive()
    }
}

impl Engine {
    /// The engine at `authority` (`HOST:PORT`), with `tls` or in plain text. Nothing is sent yet.
    pub fn remote(authority: &str, tls: Option<&EngineTls>) -> Result<Self, EngineError> {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let config = Agent::config_builder()
            .proxy(None)
            .max_idle_connections(0)
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(CONNECT))
            .timeout_per_read(Some(SILENCE))
            .timeout_send_request(Some(ANSWER))
            .user_agent("plimsoll");
        let config = match tls {
            None => config.build(),
            Some(tls) => {
                let broken = |reason| EngineError::Certificates { place: format!("tcp://{authority}"), reason };
                config.tls_config(configured(tls).map_err(broken)?).build()
            }
        };
        let place = format!("tcp://{authority}").into();
        Ok(Self { agent: config.new_agent(), base: format!("{scheme}://{authority}"), place })
    }
}

fn configured(tls: &EngineTls) -> Result<TlsConfig, String> {
    let builder = TlsConfig::builder().disable_verification(tls.takes_any);
    let builder = match &tls.authority {
        Some(pem) => builder.root_certs(RootCerts::new_with_certs(&certificates(pem, "ca.pem")?)),
        None => builder.root_certs(RootCerts::PlatformVerifier),
    };
    let client = match &tls.client {
        Some((certificate, key)) => {
            let key = PrivateKey::from_pem(key).map_err(|error| format!("key.pem is no private key: {error}"))?;
            Some(ClientCert::new_with_certs(&certificates(certificate, "cert.pem")?, key))
        }
        None => None,
    };
    Ok(builder.client_cert(client).build())
}

fn certificates(pem: &[u8], name: &str) -> Result<Vec<Certificate<'static>>, String> {
    let mut found = Vec::new();
    for item in parse_pem(pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| format!("{name} is no PEM file: {error}"))? {
            found.push(certificate);
        }
    }
    if found.is_empty() { Err(format!("{name} holds no certificate")) } else { Ok(found) }
}
