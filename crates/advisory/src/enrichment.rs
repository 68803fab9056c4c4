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

/// What an enriching source tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enrichment {
    /// That a vulnerability is exploited.
    Kev,
    /// How likely it is to be.
    Epss,
}

/// A CVE id as one number, by which tables are ordered and searched: the year, then the number within it. `None` for
/// other ids.
pub fn cve_number(id: &str) -> Option<u64> {
    /// Above any number within a year.
    const YEAR: u64 = 1_000_000_000_000;
    let (year, number) = id.strip_prefix("CVE-")?.split_once('-')?;
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if year.len() != 4 || !(4..=11).contains(&number.len()) || !digits(year) || !digits(number) {
        return None;
    }
    Some(year.parse::<u64>().ok()? * YEAR + number.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cves_have_numbers_in_their_order_and_other_ids_have_none() {
        let numbers =
            ["CVE-1999-0001", "CVE-2024-0002", "CVE-2024-99999", "CVE-2024-100000", "CVE-2025-0001"].map(cve_number);
        assert!(numbers.iter().all(Option::is_some) && numbers.is_sorted());
        for other in [
            "",
            "GHSA-x",
            "CVE-2024",
            "CVE-2024-1",
            "CVE-20240-1234",
            "CVE-2024-12a4",
            "CVE-2024-123456789012",
            "CVE-+024-1234",
        ] {
            assert_eq!(cve_number(other), None, "{other}");
        }
    }
}
