//! The text of advisories for the pages, from the index in force.

use advisory::Index;
use advisory::index::Details;
use catalog::Advisory;
use findings::report::IndexIdentity;
use scan::Advisories;

/// The index in force, asked anew for each page: another process may have replaced it.
pub(super) struct Texts(pub(super) Advisories);

impl Texts {
    /// A page without an advisory's text is better than none: what is wrong with the index goes to the log.
    fn index(&self) -> Option<Index> {
        self.0.current().unwrap_or_else(|error| {
            tracing::warn!(%error, "the advisory index cannot be read");
            None
        })
    }
}

impl catalog::Advisories for Texts {
    fn identity(&self) -> Option<IndexIdentity> {
        let advisory::IndexIdentity { id, built_at } = self.index()?.identity();
        Some(IndexIdentity { id, built_at })
    }

    /// By the record's own id: the index knows its aliases when it matches, not when it is asked for one.
    fn by_id(&self, id: &str) -> Vec<Advisory> {
        let Some(index) = self.index() else { return Vec::new() };
        let record = index.record(id).unwrap_or_else(|error| {
            tracing::warn!(%error, id, "a record of the advisory index cannot be read");
            None
        });
        record.into_iter().map(text).collect()
    }
}

fn text(record: Details) -> Advisory {
    Advisory {
        id: record.id,
        aliases: record.aliases,
        summary: record.summary,
        details: record.details,
        severity: record.severity,
        published: record.published,
        modified: Some(record.modified),
        // What was withdrawn is not in the index.
        withdrawn: None,
        references: record.references.into_iter().map(|reference| reference.url).collect(),
    }
}
