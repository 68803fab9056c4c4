//! The text of advisories, by id.

use advisory::Severity;
use advisory::index::Details;
use findings::report::IndexIdentity;

/// What is told of one vulnerability, for people.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Advisory {
    /// The record's own id.
    pub id: String,
    /// Other ids of the same thing.
    pub aliases: Vec<String>,
    /// Ids of what it is made from or has to do with.
    pub related: Vec<String>,
    /// One line.
    pub summary: String,
    /// Paragraphs, in Markdown; shown as they are.
    pub details: String,
    /// How bad.
    pub severity: Severity,
    /// RFC 3339.
    pub published: Option<String>,
    /// RFC 3339.
    pub modified: Option<String>,
    /// Addresses where more is told; not checked.
    pub references: Vec<String>,
}

/// Where the text of advisories is looked up: the index that is in force at the moment.
pub trait Advisories: Send + Sync {
    /// Which index it is; `None` where there is none.
    fn identity(&self) -> Option<IndexIdentity>;

    /// The record with this id. Blocks on the disk a little (a mapped file).
    fn record(&self, id: &str) -> Option<Advisory>;
}

impl Advisories for scan::Advisories {
    fn identity(&self) -> Option<IndexIdentity> {
        let identity = told(self.current())?.identity();
        Some(IndexIdentity { id: identity.id, built_at: identity.built_at })
    }

    fn record(&self, id: &str) -> Option<Advisory> {
        told(told(self.current())?.record(id)).map(Advisory::from)
    }
}

/// An index that cannot be read is no reason to show no findings: the log says it, and pages go without its text.
fn told<T, E: std::fmt::Display>(result: Result<Option<T>, E>) -> Option<T> {
    result.unwrap_or_else(|error| {
        tracing::warn!(%error, "the advisory index cannot be read; pages are without the text of advisories");
        None
    })
}

impl From<Details> for Advisory {
    fn from(details: Details) -> Self {
        let related = details.upstream.into_iter().chain(details.related);
        Self {
            related: related.filter(|id| !details.aliases.contains(id)).collect(),
            id: details.id,
            aliases: details.aliases,
            summary: details.summary,
            details: details.details,
            severity: details.severity,
            published: details.published,
            modified: Some(details.modified).filter(|time| !time.is_empty()),
            references: details.references.into_iter().map(|reference| reference.url).collect(),
        }
    }
}
