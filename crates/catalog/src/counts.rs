//! How many findings of each severity.

use advisory::Severity;
use serde::Serialize;

/// How many findings of each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Counts {
    // In this order, worst first, so that comparing two tells which image is worse off.
    pub(crate) critical: u64,
    pub(crate) high: u64,
    pub(crate) medium: u64,
    pub(crate) low: u64,
    pub(crate) negligible: u64,
    pub(crate) unknown: u64,
}

/// The severities, worst first.
pub(crate) const SEVERITIES: [Severity; 6] =
    [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Negligible, Severity::Unknown];

impl Counts {
    /// As the store keeps them.
    pub(crate) fn from_row(row: [i64; 6]) -> Self {
        let [critical, high, medium, low, negligible, unknown] = row.map(|count| u64::try_from(count).unwrap_or(0));
        Self { critical, high, medium, low, negligible, unknown }
    }

    /// As a report counts.
    pub(crate) fn of_report(counts: &findings::Counts) -> Self {
        let mut own = Self::default();
        for severity in SEVERITIES {
            own.set(severity, counts.of(severity) as u64);
        }
        own
    }

    pub(crate) fn add(&mut self, severity: Severity) {
        self.set(severity, self.of(severity) + 1);
    }

    fn set(&mut self, severity: Severity, count: u64) {
        *match severity {
            Severity::Critical => &mut self.critical,
            Severity::High => &mut self.high,
            Severity::Medium => &mut self.medium,
            Severity::Low => &mut self.low,
            Severity::Negligible => &mut self.negligible,
            Severity::Unknown => &mut self.unknown,
        } = count;
    }

    pub(crate) fn of(&self, severity: Severity) -> u64 {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.high,
            Severity::Medium => self.medium,
            Severity::Low => self.low,
            Severity::Negligible => self.negligible,
            Severity::Unknown => self.unknown,
        }
    }

    pub(crate) fn total(&self) -> u64 {
        SEVERITIES.iter().map(|severity| self.of(*severity)).sum()
    }

    /// The worst that occurs.
    pub(crate) fn worst(&self) -> Option<Severity> {
        SEVERITIES.into_iter().find(|severity| self.of(*severity) > 0)
    }

    /// Word and number for each severity, worst first.
    pub(crate) fn cells(&self) -> [(&'static str, u64); 6] {
        SEVERITIES.map(|severity| (word(severity), self.of(severity)))
    }
}

/// A severity's name in addresses, JSON, class names and for people.
pub(crate) fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::High => "high",
        Severity::Medium => "medium",
        Severity::Low => "low",
        Severity::Negligible => "negligible",
        Severity::Unknown => "unknown",
    }
}

/// The severity that a word names.
pub(crate) fn severity(name: &str) -> Option<Severity> {
    SEVERITIES.into_iter().find(|severity| word(*severity) == name)
}
