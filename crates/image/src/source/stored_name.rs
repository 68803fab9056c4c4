//! What an image is called in a store of this machine.

use std::fmt;
use std::str::FromStr;

use crate::Reference;
use crate::reference::ReferenceError;

/// Hex digits of the shortest id that engines show.
const SHORT_ID: usize = 12;

/// A name or an id, as it was written: unlike for a registry it matters whether a registry was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredName {
    text: String,
    reference: Option<Reference>,
}

impl StoredName {
    /// The name, where it can be one.
    pub fn reference(&self) -> Option<&Reference> {
        self.reference.as_ref()
    }

    /// The hex digits, at least twelve, where it can be an id.
    pub(super) fn id(&self) -> Option<&str> {
        let hex = self.text.strip_prefix("sha256:").unwrap_or(&self.text);
        let is_hex = hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        (is_hex && (SHORT_ID..=64).contains(&hex.len())).then_some(hex)
    }

    /// As it was written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The names that it may stand for, in the order in which podman tries them: `localhost/NAME` before `docker.io/library/NAME` where
    /// no registry was written.
    pub(super) fn candidates(&self) -> Vec<Reference> {
        let Some(reference) = &self.reference else { return Vec::new() };
        if !self.is_short() {
            return vec![reference.clone()];
        }
        let path = reference.repository.strip_prefix("library/").filter(|_| !self.text.starts_with("library/"));
        let repository = path.unwrap_or(&reference.repository).to_owned();
        vec![Reference { registry: "localhost".to_owned(), repository, ..reference.clone() }, reference.clone()]
    }

    /// Whether no registry was written.
    fn is_short(&self) -> bool {
        self.reference.as_ref().is_some_and(|reference| {
            reference.registry == "docker.io"
                && !["docker.io/", "index.docker.io/"].iter().any(|host| self.text.starts_with(host))
        })
    }
}

impl FromStr for StoredName {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let parsed = text.parse::<Reference>();
        let name = Self { text: text.to_owned(), reference: parsed.as_ref().ok().cloned() };
        match parsed {
            Err(error) if name.id().is_none() => Err(error),
            _ => Ok(name),
        }
    }
}

impl fmt::Display for StoredName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_registry_is_looked_for_at_localhost_first() {
        let candidates = |text: &str| {
            let name: StoredName = text.parse().unwrap();
            name.candidates().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(candidates("app:1"), ["localhost/app:1", "docker.io/library/app:1"]);
        assert_eq!(candidates("team/app"), ["localhost/team/app:latest", "docker.io/team/app:latest"]);
        assert_eq!(candidates("docker.io/app"), ["docker.io/library/app:latest"]);
        assert_eq!(candidates("quay.io/a/b:2"), ["quay.io/a/b:2"]);
    }

    #[test]
    fn an_id_is_told_from_a_name_by_its_digits() {
        let id = |text: &str| text.parse::<StoredName>().unwrap().id().map(str::to_owned);
        assert_eq!(id("46b7b9085da3").as_deref(), Some("46b7b9085da3"));
        assert_eq!(id(&"a".repeat(64)).unwrap().len(), 64);
        assert_eq!(id(&format!("sha256:{}", "a".repeat(64))).unwrap().len(), 64);
        assert_eq!((id("cafe"), id("debian")), (None, None));
        assert!("a b".parse::<StoredName>().is_err());
    }
}
