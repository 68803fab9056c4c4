//! How many findings there are of each severity.

use advisory::Severity;
use serde::{Deserialize, Serialize};

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

impl Counts {
    /// All of them.
    pub fn total(&self) -> usize {
        Severity::WORST_FIRST.into_iter().map(|severity| self.of(severity)).sum()
    }

    /// Those of one severity.
    pub fn of(&self, severity: Severity) -> usize {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.high,
            Severity::Medium => self.medium,
            Severity::Low => self.low,
            Severity::Negligible => self.negligible,
            Severity::Unknown => self.unknown,
        }
    }

    /// The worst severity that there is.
    pub fn worst(&self) -> Option<Severity> {
        Severity::WORST_FIRST.into_iter().find(|severity| self.of(*severity) > 0)
    }

    /// Counts one more.
    pub fn add(&mut self, severity: Severity) {
        *match severity {
            Severity::Critical => &mut self.critical,
            Severity::High => &mut self.high,
            Severity::Medium => &mut self.medium,
            Severity::Low => &mut self.low,
            Severity::Negligible => &mut self.negligible,
            Severity::Unknown => &mut self.unknown,
        } += 1;
    }
}

impl FromIterator<Severity> for Counts {
    fn from_iter<I: IntoIterator<Item = Severity>>(severities: I) -> Self {
        let mut counts = Self::default();
        severities.into_iter().for_each(|severity| counts.add(severity));
        counts
    }
}
