//! The findings of one image.

use advisory::Match;
use image::Digest;
use inventory::{Inventory, package::Located};
use serde::{Deserialize, Serialize};

/// Everything that a scan says of an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What the user called the image.
    pub name: String,
    /// The digest of its platform manifest (or config, for a docker archive without one).
    pub digest: Digest,
    /// `linux/amd64`.
    pub platform: String,
    /// When the scan ran, RFC 3339 in UTC.
    pub scanned_at: String,
    /// The advisory index that was asked: its id, and when its data was fetched.
    pub index: IndexIdentity,
    /// What is in the image.
    pub inventory: Inventory,
    /// History line of each layer, base first.
    pub history: Vec<Option<String>>,
    /// Findings, worst first.
    pub findings: Vec<Finding>,
    /// Packages that no loaded source covers, by ecosystem, with their number.
    pub uncovered: Vec<(String, usize)>,
    /// Whether layers were read in this scan, or only records of earlier ones.
    pub layers_read: usize,
}

/// Which advisory index answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexIdentity {
    /// Digest of the index's content.
    pub id: String,
    /// When it was built, RFC 3339 in UTC.
    pub built_at: String,
}

/// One record that applies to one package of the image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The record.
    #[serde(flatten)]
    pub matched: Match,
    /// The package.
    pub located: Located,
}

/// How many findings of each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// CVSS 9.0 and above.
    pub critical: usize,
    /// CVSS 7.0 to 8.9.
    pub high: usize,
    /// CVSS 4.0 to 6.9.
    pub medium: usize,
    /// CVSS below 4.0.
    pub low: usize,
    /// Of no consequence.
    pub negligible: usize,
    /// Not scored.
    pub unknown: usize,
}
