//! How bad a vulnerability is, and who said so.
//!
//! A distribution's own word goes first, for it knows how it builds the package; then the word of the database that
//! wrote the record; then the score of the newest CVSS vector. What is said of one affected package overrides what is
//! said of the record.

use serde::{Deserialize, Serialize};

use crate::record::{Affected, Record, Score};

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

impl Severity {
    /// All of them, worst first.
    pub const WORST_FIRST: [Self; 6] =
        [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Negligible, Self::Unknown];

    /// The severity of a CVSS base score (CVSS 3.1, section 5).
    pub fn of_score(score: f64) -> Self {
        match score {
            score if score >= 9.0 => Self::Critical,
            score if score >= 7.0 => Self::High,
            score if score >= 4.0 => Self::Medium,
            score if score > 0.0 => Self::Low,
            _ => Self::Negligible,
        }
    }

    /// The severity that a word means, in any vendor's vocabulary; `None` for words that say nothing (Debian's
    /// `not yet assigned`, Ubuntu's `untriaged`).
    pub fn of_word(word: &str) -> Option<Self> {
        Some(match word.trim().to_ascii_lowercase().as_str() {
            "critical" => Self::Critical,
            "high" | "important" => Self::High,
            "medium" | "moderate" => Self::Medium,
            "low" => Self::Low,
            "negligible" | "unimportant" | "none" => Self::Negligible,
            _ => return None,
        })
    }

    /// The word for it, lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Negligible => "negligible",
            Self::Unknown => "unknown",
        }
    }
}

impl std::fmt::Display for Severity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(self.name())
    }
}

impl std::str::FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::WORST_FIRST.into_iter().find(|severity| severity.name() == text.to_ascii_lowercase()).ok_or_else(|| {
            format!("{text:?} is not a severity; use critical, high, medium, low, negligible or unknown")
        })
    }
}

/// A severity with what it rests on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rating {
    /// How bad.
    pub severity: Severity,
    /// CVSS base score, where a vector gave one; it may differ from what the vendor's word says.
    pub score: Option<f32>,
    /// `Debian: unimportant`, `GHSA: moderate`, or the CVSS vector.
    pub source: Option<String>,
}

/// Rates a record for one of the packages that it affects, or in general where `affected` is `None`.
pub fn rate(record: &Record, affected: Option<&Affected>) -> Rating {
    let own = affected.map_or(&[][..], |affected| affected.severity.as_slice());
    let best = newest_vector(own).or_else(|| newest_vector(&record.severity));
    let score = best.as_ref().map(|(score, _)| *score as f32);
    if let Some((severity, source)) = vendors_word(record, affected) {
        return Rating { severity, score, source: Some(source) };
    }
    best.map_or_else(Rating::default, |(value, vector)| Rating {
        severity: Severity::of_score(value),
        score,
        source: Some(vector.to_owned()),
    })
}

/// The score of the vector of the newest CVSS version that can be read.
fn newest_vector(scores: &[Score]) -> Option<(f64, &str)> {
    ["CVSS_V4", "CVSS_V3", "CVSS_V2"].iter().find_map(|kind| {
        scores
            .iter()
            .filter(|score| score.kind == *kind)
            .find_map(|score| Some((cvss_score(&score.score)?, score.score.as_str())))
    })
}

/// The base score of a CVSS vector of version 2, 3.0, 3.1 or 4.0; `None` where it is none.
pub fn cvss_score(vector: &str) -> Option<f64> {
    let vector = vector.trim();
    if vector.len() > 1024 {
        return None;
    }
    let version = vector.split('/').next().unwrap_or_default();
    let score = match version {
        "CVSS:3.0" | "CVSS:3.1" => has_all(vector, &BASE_V3).then(|| vector.parse::<cvss::Cvss>().ok())??.score(),
        "CVSS:4.0" => has_all(vector, &BASE_V4).then(|| vector.parse::<cvss::Cvss>().ok())??.score(),
        _ => {
            let vector = vector.trim_matches(['(', ')']);
            has_all(vector, &BASE_V2).then(|| vector.parse::<cvss::v2::Vector>().ok())??.score().value()
        }
    };
    (0.0..=10.0).contains(&score).then_some(score)
}

/// The metrics without which there is no base score; the parser takes absent ones for harmless.
const BASE_V2: [&str; 6] = ["AV", "AC", "Au", "C", "I", "A"];
const BASE_V3: [&str; 8] = ["AV", "AC", "PR", "UI", "S", "C", "I", "A"];
const BASE_V4: [&str; 11] = ["AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA"];

fn has_all(vector: &str, metrics: &[&str]) -> bool {
    let has = |metric: &&str| vector.split('/').any(|part| part.split(':').next() == Some(metric));
    metrics.iter().all(has)
}

fn vendors_word(record: &Record, affected: Option<&Affected>) -> Option<(Severity, String)> {
    let said = |who: &str, word: &str| {
        Severity::of_word(word).map(|severity| (severity, format!("{who}: {}", word.trim().to_ascii_lowercase())))
    };
    let ecosystem = affected.and_then(|affected| affected.package.as_ref()).map_or("", |package| &package.ecosystem);
    let distribution = crate::ecosystem::base(ecosystem);
    if let Some(affected) = affected {
        // Debian's security tracker.
        if let Some(found) = affected.ecosystem_specific.text("urgency").and_then(|word| said("Debian", word)) {
            return Some(found);
        }
        let words = affected.severity.iter().chain(&record.severity);
        if let Some(found) = words.filter(|score| score.kind == "Ubuntu").find_map(|score| said("Ubuntu", &score.score))
        {
            return Some(found);
        }
        let specific = [&affected.ecosystem_specific, &affected.database_specific];
        if let Some(found) = specific.iter().find_map(|object| said(distribution, object.text("severity")?)) {
            return Some(found);
        }
    }
    if let Some(word) = record.database_specific.text("severity") {
        let who = record.id.split('-').next().filter(|_| record.id.contains('-')).unwrap_or("database");
        return said(who, word);
    }
    // Red Hat's family says it only at the head of the summary: `Important: nodejs:18 security update`.
    let is_family = ["ALSA-", "RLSA-", "RHSA-"].iter().any(|prefix| record.id.starts_with(prefix));
    let word = record.summary.split_once(':').map(|(word, _)| word).filter(|_| is_family)?;
    said(if distribution.is_empty() { "vendor" } else { distribution }, word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_every_version_are_scored_as_their_specifications_say() {
        for (vector, score) in [
            ("AV:N/AC:L/Au:N/C:N/I:N/A:C", 7.8),
            ("(AV:N/AC:L/Au:N/C:C/I:C/A:C)", 10.0),
            ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
            ("CVSS:3.1/AV:L/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L", 4.2),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 9.3),
            ("CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 7.3),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0.0),
        ] {
            assert_eq!(cvss_score(vector), Some(score), "{vector}");
        }
    }

    #[test]
    fn what_is_no_vector_has_no_score() {
        for text in ["", "/", "CVSS:3.1/AV:N", "CVSS:9.9/AV:N", "7.5", "CVSS:4.0/", "AV:N/AC:L", "CVSS:3.1//////"] {
            assert_eq!(cvss_score(text), None, "{text}");
        }
    }

    fn record(json: &str) -> Record {
        crate::record::parse(json.as_bytes()).expect("a record")
    }

    #[test]
    fn the_distributions_word_goes_before_the_vector_and_keeps_its_score() {
        let record = record(
            r#"{"id": "DEBIAN-CVE-1", "modified": "2026-01-01T00:00:00Z",
            "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
            "affected": [{"package": {"ecosystem": "Debian:12", "name": "a"}, "ecosystem_specific": {"urgency": "unimportant"}},
                         {"package": {"ecosystem": "Debian:13", "name": "a"}, "ecosystem_specific": {"urgency": "not yet assigned"}}]}"#,
        );
        let first = rate(&record, record.affected.first());
        assert_eq!((first.severity, first.source.as_deref()), (Severity::Negligible, Some("Debian: unimportant")));
        assert_eq!(first.score, Some(9.8));
        assert_eq!(rate(&record, record.affected.get(1)).severity, Severity::Critical);
    }

    #[test]
    fn the_databases_word_goes_before_the_vector_and_the_packages_vector_before_the_records() {
        let ghsa = record(
            r#"{"id": "GHSA-x", "modified": "2026-01-01T00:00:00Z", "database_specific": {"severity": "MODERATE"},
            "affected": [{"package": {"ecosystem": "npm", "name": "a"},
            "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]}]}"#,
        );
        let rating = rate(&ghsa, ghsa.affected.first());
        assert_eq!((rating.severity, rating.source.as_deref()), (Severity::Medium, Some("GHSA: moderate")));
        let both = record(
            r#"{"id": "X-1", "modified": "2026-01-01T00:00:00Z",
            "severity": [{"type": "CVSS_V2", "score": "AV:N/AC:L/Au:N/C:C/I:C/A:C"}],
            "affected": [{"package": {"ecosystem": "npm", "name": "a"},
            "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:L/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L"}]}]}"#,
        );
        assert_eq!(rate(&both, both.affected.first()).severity, Severity::Medium);
        assert_eq!(rate(&both, None).severity, Severity::Critical);
    }
}
