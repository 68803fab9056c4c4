//! A timestamping authority that is asked over HTTP (RFC 3161 section 3.4).

use std::time::Duration;

use keys::SignedArtifact;
use ureq::Agent;
use url::Url;

use super::Envelope;
use super::timestamping::{LIMIT, Query, stamped};
use crate::{Format, TrustError};

/// The whole of a question and its answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A timestamping authority.
#[derive(Clone, Debug)]
pub struct Authority {
    url: Url,
    roots: Vec<Vec<u8>>,
}

impl Authority {
    /// An authority at an address. Its tokens must lead to one of `roots` (certificates, DER), where some are given.
    /// Plain HTTP is usual: a token is signed.
    pub fn new(url: Url, roots: Vec<Vec<u8>>) -> Self {
        Self { url, roots }
    }

    /// Puts a timestamp into those of `artifacts` that are notation's. Only the hash of a signature is sent.
    pub fn stamp(&self, artifacts: &mut [SignedArtifact]) -> Result<(), TrustError> {
        for artifact in artifacts.iter_mut().filter(|artifact| artifact.format == Format::Notation.as_str()) {
            artifact.bytes = self
                .stamped(&artifact.bytes)
                .map_err(|reason| TrustError::Timestamp { url: crate::error::short(&self.url), reason })?;
        }
        Ok(())
    }

    fn stamped(&self, envelope: &[u8]) -> Result<Vec<u8>, String> {
        let query = Query::new(Envelope::parse(envelope)?.signature())?;
        stamped(envelope, &query, &self.ask(query.der())?, &self.roots)
    }

    fn ask(&self, query: &[u8]) -> Result<Vec<u8>, String> {
        let agent: Agent = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .max_redirects(3)
            .http_status_as_error(false)
            .user_agent(concat!("plimsoll/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        let request = agent.post(self.url.as_str()).header("content-type", "application/timestamp-query");
        let mut answer = request.send(query).map_err(|error| match error {
            ureq::Error::Timeout(_) => format!("it did not answer within {} s", PATIENCE.as_secs()),
            error => format!("it cannot be reached: {error}"),
        })?;
        if answer.status() != 200 {
            return Err(format!("it answered {}", answer.status()));
        }
        let body = answer.body_mut().with_config().limit(LIMIT as u64);
        body.read_to_vec().map_err(|error| format!("its answer cannot be read: {error}"))
    }
}
