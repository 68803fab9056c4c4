//! What the pages read from.

use std::fmt;
use std::sync::Arc;

use gate::Policy;
use store::Store;

use crate::Advisories;

/// Everything that the pages read from. Cheap to clone.
#[derive(Clone)]
pub struct Catalog {
    /// Repositories, reports, signatures.
    pub(crate) store: Store,
    /// The text of advisories.
    pub(crate) advisories: Arc<dyn Advisories>,
    /// What images are held against.
    pub(crate) policy: Arc<Policy>,
    /// The name under which images are pulled from here (`registry.example.com`, `localhost:5000`): the policy's
    /// patterns begin with it, and so do the commands that pages show.
    pub(crate) registry: Arc<str>,
}

impl Catalog {
    /// A catalog over a store. `registry` is the name under which images are pulled from here.
    pub fn new(store: Store, advisories: Arc<dyn Advisories>, policy: Arc<Policy>, registry: &str) -> Self {
        Self { store, advisories, policy, registry: registry.into() }
    }

    /// A repository's whole name, registry first.
    pub(crate) fn full_name(&self, repository: &str) -> String {
        format!("{}/{repository}", self.registry)
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Catalog").field("registry", &self.registry).finish_non_exhaustive()
    }
}
