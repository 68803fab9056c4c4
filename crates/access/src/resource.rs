//! What it is asked of.

use std::fmt;

/// What it is asked of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// One repository, by its path in the registry (`payments/api`).
    Repository(String),
    /// What belongs to no single repository: the list of all of them, the registry's own address. A handler that lists
    /// repositories asks for each of them besides.
    Everything,
}

impl fmt::Display for Resource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The name may come from a request's path: it is quoted, so that it cannot forge a line of a log.
            Self::Repository(name) => write!(formatter, "repository {name:?}"),
            Self::Everything => formatter.write_str("this registry"),
        }
    }
}
