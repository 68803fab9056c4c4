//! What belongs to an image: signatures, attestations (distribution-spec 1.1, "Listing Referrers").

use std::collections::BTreeMap;

use serde::Deserialize;
use ureq::http::{HeaderValue, Method, header};
use url::Url;

use super::Client;
use super::error::ClientError;
use super::exchange::{Answer, Order, Place};
use super::fallback::list;
use super::manifests::pull_scope;
use super::transport::{Patience, Payload};
use crate::source::MANIFEST_BYTES;
use crate::{Digest, Reference, Verified};

/// Pages of a list that are read at most.
const PAGES: usize = 8;
/// Entries of all pages that are kept at most.
const ENTRIES: usize = 4096;
pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A manifest that names an image as its subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrer {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Its media type.
    pub media_type: String,
    /// What it is.
    pub artifact_type: Option<String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// How a registry took a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Whether it saw that the manifest has a subject (`OCI-Subject`), and so will list it among its referrers.
    pub knows_referrers: bool,
}

/// An index as lists of referrers have it. Entries that are none are left out, so that one of them does not hide the
/// others.
#[derive(Deserialize)]
struct List {
    #[serde(default)]
    manifests: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    media_type: String,
    digest: Digest,
    size: u64,
    artifact_type: Option<String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

impl Client {
    /// The manifests that name `subject`, all or those that may be of one type; from the fallback tag where the registry knows no
    /// referrers. None is checked yet: [`Client::manifest`] does that.
    pub fn referrers(
        &self,
        reference: &Reference,
        subject: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Vec<Referrer>, ClientError> {
        let action = format!("list what belongs to {subject} of {}/{}", reference.registry, reference.repository);
        let mut found = match self.listed(reference, subject, artifact_type, &action)? {
            Some(found) => found,
            None => match self.tagged(reference, &fallback_tag(subject)) {
                Ok(index) => match list(Some(&index), subject) {
                    Some(index) => entries(&index.bytes).ok_or_else(|| ClientError::Protocol {
                        action,
                        registry: reference.registry.clone(),
                        reason: format!("the tag {} is no list of referrers", fallback_tag(subject)),
                    })?,
                    None => Vec::new(),
                },
                Err(error) if error.is_not_found() => Vec::new(),
                Err(error) => return Err(error),
            },
        };
        // A registry may ignore the filter, the tag knows none, and some writers leave the type out there.
        if let Some(wanted) = artifact_type {
            found.retain(|referrer| referrer.artifact_type.as_deref().is_none_or(|found| found == wanted));
        }
        Ok(found)
    }

    /// Writes a manifest that names `subject` as its subject, and lists it under the fallback tag where the registry
    /// does not list it by itself. `referrer` describes it.
    pub fn push_referrer(
        &self,
        reference: &Reference,
        subject: &Digest,
        referrer: &Referrer,
        bytes: &Verified,
    ) -> Result<Pushed, ClientError> {
        let pushed = self.push_manifest(reference, None, &referrer.media_type, bytes)?;
        if !pushed.knows_referrers {
            self.list_under_tag(reference, subject, referrer)?;
        }
        Ok(pushed)
    }

    /// Deletes a manifest that names `subject` as its subject, and takes it from the list under the fallback tag.
    pub fn delete_referrer(
        &self,
        reference: &Reference,
        subject: &Digest,
        referrer: &Digest,
    ) -> Result<(), ClientError> {
        // First the list: one that names what is gone is worse than a manifest that nothing names.
        let was_listed = self.unlist_under_tag(reference, subject, referrer)?;
        match self.delete_manifest(reference, referrer) {
            // A registry that deletes nothing keeps the bytes; nobody finds them beside the image any more.
            Err(ClientError::Status { status: 405, .. }) if was_listed => Ok(()),
            other => other,
        }
    }

    /// The registry's own list; `None` where it has no such thing.
    fn listed(
        &self,
        reference: &Reference,
        subject: &Digest,
        artifact_type: Option<&str>,
        action: &str,
    ) -> Result<Option<Vec<Referrer>>, ClientError> {
        let query = artifact_type.map(|wanted| ("artifactType", wanted));
        let mut place = Place::Path(vec![&reference.repository, "referrers", subject.as_str()], query);
        let mut found: Vec<Referrer> = Vec::new();
        for page in 0..PAGES {
            let order = Order {
                registry: &reference.registry,
                method: Method::GET,
                place,
                scope: pull_scope(reference),
                headers: vec![(header::ACCEPT, HeaderValue::from_static(INDEX))],
                patience: Patience::Small,
                action,
            };
            let answer = self.exchange(&order, Payload::None)?;
            // The specification says 404. Others are seen at registries that take the path for something else.
            let is_unknown = matches!(answer.status(), 400 | 404 | 405 | 406 | 501);
            let is_index = answer.header("content-type").is_some_and(|kind| kind.starts_with(INDEX));
            if page == 0 && (is_unknown || (answer.status() == 200 && !is_index)) {
                return Ok(None);
            }
            let answer = answer.expect(self, &[200])?;
            let next = next_page(&answer);
            let reason = answer.unusable("it sends no list of referrers");
            found.extend(entries(&answer.bytes(MANIFEST_BYTES)?).ok_or(reason)?);
            found.truncate(ENTRIES);
            match next {
                Some(next) if found.len() < ENTRIES => place = Place::Url(next),
                _ => break,
            }
        }
        Ok(Some(found))
    }
}

/// `sha256-HEX`: where referrers are listed at registries that do not list them ("Referrers Tag Schema").
pub(super) fn fallback_tag(subject: &Digest) -> String {
    let tag = subject.as_str().replacen(':', "-", 1);
    tag.chars().take(128).collect()
}

fn entries(bytes: &[u8]) -> Option<Vec<Referrer>> {
    let list: List = serde_json::from_slice(bytes).ok()?;
    let entries = list.manifests.into_iter().take(ENTRIES).filter_map(|entry| {
        let entry: Entry = serde_json::from_value(entry).ok()?;
        Some(Referrer {
            digest: entry.digest,
            size: entry.size,
            media_type: entry.media_type,
            artifact_type: entry.artifact_type,
            annotations: entry.annotations,
        })
    });
    Some(entries.collect())
}

/// `Link: <…>; rel="next"`, within the registry.
pub(super) fn next_page(answer: &Answer) -> Option<Url> {
    let link = answer.header("link")?;
    let (address, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
    rest.contains("next").then(|| answer.join(address)).flatten()
}
