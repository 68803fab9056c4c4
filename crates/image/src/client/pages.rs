//! Documents that Plimsoll's own registry serves beside its API; other registries have none.

use ureq::http::{HeaderValue, Method, header};
use url::Url;

use super::exchange::{Order, Place};
use super::manifests::pull_scope;
use super::transport::{Patience, Payload};
use super::{Client, ClientError};
use crate::Reference;

/// Longest document.
const MOST_BYTES: u64 = 8 << 20;

impl Client {
    /// The address of a page at the registry of `reference`, for people. `path` is encoded, a segment a slash.
    pub fn page_address(&self, reference: &Reference, path: &str) -> Result<Url, ClientError> {
        let mut url = self.base(&reference.registry, &format!("find {}", reference.registry))?;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.clear().extend(path.split('/'));
        }
        Ok(url)
    }

    /// A document in JSON at the registry of `reference`; `None` where the registry has no such, as others than
    /// Plimsoll's.
    pub fn page(&self, reference: &Reference, path: &str) -> Result<Option<Vec<u8>>, ClientError> {
        let order = Order {
            registry: &reference.registry,
            method: Method::GET,
            place: Place::Url(self.page_address(reference, path)?),
            scope: pull_scope(reference),
            headers: vec![(header::ACCEPT, HeaderValue::from_static("application/json"))],
            patience: Patience::Probe,
            action: "read what is known of the image",
        };
        let answer = self.exchange(&order, Payload::None)?;
        let is_json = answer.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
        if answer.status() != 200 || !is_json {
            return Ok(None);
        }
        answer.bytes(MOST_BYTES).map(Some)
    }
}
