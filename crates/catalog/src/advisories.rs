//! The text of advisories, by id.

use advisory::Severity;
use findings::report::IndexIdentity;

/// What is told of one vulnerability, for people.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Advisory {
    /// The record's own id.
    pub id: String,
    /// Other ids of the same thing.
    pub aliases: Vec<String>,
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
    /// When it was taken back, RFC 3339.
    pub withdrawn: Option<String>,
    /// Addresses where more is told; not checked.
    pub references: Vec<String>,
}

/// Where the text of advisories is looked up: the index that is loaded at the moment.
pub trait Advisories: Send + Sync {
    /// Which index it is; `None` where there is none.
    fn identity(&self) -> Option<IndexIdentity>;

    /// Every record with this id or alias. Blocks on the disk a little (a mapped file).
    fn by_id(&self, id: &str) -> Vec<Advisory>;
}

/// No index: findings are shown as reports tell them, without their text.
#[derive(Clone, Copy, Debug)]
pub struct NoAdvisories;

impl Advisories for NoAdvisories {
    fn identity(&self) -> Option<IndexIdentity> {
        None
    }

    fn by_id(&self, _id: &str) -> Vec<Advisory> {
        Vec::new()
    }
}
