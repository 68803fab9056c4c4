//! Names of images as docker reads them (distribution/reference: `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`).

use std::fmt;

use thiserror::Error;

use crate::Digest;

/// A name that has been made whole: registry and repository are always there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// `HOST[:PORT]`; `docker.io` where none was written.
    pub registry: String,
    /// The path in the registry; `library/` is put before a single word at docker.io.
    pub repository: String,
    /// The tag; none when only a digest was written.
    pub tag: Option<String>,
    /// The digest; with a tag beside it, the digest decides.
    pub digest: Option<Digest>,
}

/// Why a text is no name of an image.
#[derive(Debug, Error)]
#[error("{text:?} is not an image reference: {reason}")]
pub struct ReferenceError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

impl std::str::FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(_text: &str) -> Result<Self, ReferenceError> {
        unimplemented!("owner: image room")
    }
}
