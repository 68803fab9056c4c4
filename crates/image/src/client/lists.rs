//! What there is: the tags of a repository, the repositories of a registry (distribution-spec 1.1, "Content Discovery"; the
//! catalog is docker-registry's and many others').

use serde::Deserialize;
use ureq::http::Method;

use super::Client;
use super::error::ClientError;
use super::exchange::{Order, Place};
use super::manifests::pull_scope;
use super::referrers::next_page;
use super::transport::{Patience, Payload};
use crate::Reference;
use crate::source::MANIFEST_BYTES;

/// Pages that are read at most.
const PAGES: usize = 64;

#[derive(Default, Deserialize)]
#[serde(default)]
struct List {
    tags: Option<Vec<String>>,
    repositories: Option<Vec<String>>,
}

impl Client {
    /// The tags of the repository of `reference`, at most so many; none where there is no such repository.
    pub fn tags(&self, reference: &Reference, most: usize) -> Result<Vec<String>, ClientError> {
        let action = format!("list the tags of {}/{}", reference.registry, reference.repository);
        let place = Place::Path(vec![&reference.repository, "tags", "list"], None);
        match self.list(&reference.registry, place, &pull_scope(reference), &action, most) {
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            other => other,
        }
    }

    /// The repositories of a registry, at most so many, where it tells them.
    pub fn repositories(&self, registry: &str, most: usize) -> Result<Vec<String>, ClientError> {
        let action = format!("list the repositories of {registry}");
        self.list(registry, Place::Path(vec!["_catalog"], None), "registry:catalog:*", &action, most)
    }

    fn list(
        &self,
        registry: &str,
        mut place: Place<'_>,
        scope: &str,
        action: &str,
        most: usize,
    ) -> Result<Vec<String>, ClientError> {
        let mut found = Vec::new();
        for _ in 0..PAGES {
            let scope = scope.to_owned();
            let order = Order {
                registry,
                method: Method::GET,
                place,
                scope,
                headers: vec![],
                patience: Patience::Small,
                action,
            };
            let answer = self.exchange(&order, Payload::None)?.expect(self, &[200])?;
            let next = next_page(&answer);
            let malformed = answer.unusable("it sends no list");
            let list: List = serde_json::from_slice(&answer.bytes(MANIFEST_BYTES)?).map_err(|_| malformed)?;
            found.extend(list.tags.or(list.repositories).unwrap_or_default());
            found.truncate(most);
            match next {
                Some(next) if found.len() < most => place = Place::Url(next),
                _ => break,
            }
        }
        Ok(found)
    }
}
