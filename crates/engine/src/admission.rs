//! The question that is asked before anything is done with an image.

use std::fmt;
use std::sync::Arc;

use image::{Digest, ImageSource, Reference};
use thiserror::Error;

/// Decides whether an image may be used. `gate` decides; who wires it here brings the facts.
///
/// Asked from a blocking thread, so that it may wait for a network.
pub trait Admission: Send + Sync {
    /// Whether what is to be done may be.
    fn admit(&self, moment: Moment, image: &Admitted<'_>) -> Result<(), Refusal>;
}

/// When admission is asked. What was right at one may be wrong at the next: a signature is withdrawn, an advisory
/// comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before a layer is fetched: for what needs no layer, such as signatures.
    Pull,
    /// Before the container is made, with every blob at hand.
    Create,
    /// Before its process is let go.
    Start,
}

/// What is judged.
#[derive(Clone)]
pub struct Admitted<'image> {
    /// The name that it was asked for by, where it came from a registry.
    pub reference: Option<&'image Reference>,
    /// The digest of its platform manifest. That, and nothing else, is what runs.
    pub digest: &'image Digest,
    /// All of it. At [`Moment::Pull`] its layers still come from where they are; later from the store.
    pub source: Arc<dyn ImageSource>,
}

impl fmt::Debug for Admitted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Admitted")
            .field("reference", &self.reference)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

/// No, and why.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{image} is refused: {}", reasons.join("; "))]
pub struct Refusal {
    /// What was refused.
    pub image: String,
    /// A sentence each, with what would mend it.
    pub reasons: Vec<String>,
}

/// Says yes to everything: for who has no policy.
#[derive(Clone, Copy, Debug)]
pub struct Everything;

impl Admission for Everything {
    fn admit(&self, _moment: Moment, _image: &Admitted<'_>) -> Result<(), Refusal> {
        Ok(())
    }
}
