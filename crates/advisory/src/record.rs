//! What is told of one vulnerability.

use serde::{Deserialize, Serialize};

/// How bad it is, worst last. `Unknown` is below all: nothing was said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nobody scored it.
    #[default]
    Unknown,
    /// Scored, and of no consequence.
    Negligible,
    /// CVSS below 4.0.
    Low,
    /// CVSS below 7.0.
    Medium,
    /// CVSS below 9.0.
    High,
    /// CVSS 9.0 and above.
    Critical,
}
