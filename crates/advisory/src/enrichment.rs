//! What else is known of a vulnerability, by its CVE id: whether it is exploited (CISA's KEV) and how likely it is to
//! be (FIRST's EPSS).

use serde::{Deserialize, Serialize};

/// An entry of CISA's catalog of known exploited vulnerabilities.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kev {
    /// The CVE under which it was found; one of the record's ids.
    pub cve: String,
    /// The day on which it came into the catalog (`2024-04-30`).
    pub added: String,
    /// The day by which US agencies must have acted.
    pub due: Option<String>,
    /// Whether ransomware campaigns are known to use it.
    pub ransomware: bool,
}

/// How likely exploitation within 30 days is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epss {
    /// The CVE that was scored; the most likely one of the record's ids.
    pub cve: String,
    /// Probability, 0 to 1.
    pub probability: f32,
    /// The share of all scored vulnerabilities that are less likely, 0 to 1.
    pub percentile: f32,
}
