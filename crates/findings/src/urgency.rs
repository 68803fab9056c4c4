//! What to look at first.

use std::cmp::Ordering;

use advisory::{Category, Epss, Match, Severity};
use inventory::Package;

use crate::headers::is_kernel_headers;

/// From this probability on exploitation within 30 days is called likely: one in ten, which few scored vulnerabilities
/// reach.
pub const LIKELY: f32 = 0.1;

/// What decides the order, the weightiest first; greater is to be looked at earlier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Urgency {
    rank: Rank,
    severity: Severity,
    is_fixable: bool,
    /// Millionths.
    probability: u32,
    /// Tenths, and one more, so that no score is less than a score of 0.
    score: u32,
}

/// What goes before severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// In kernel headers, in which nothing runs.
    #[default]
    Headers,
    Weakness,
    Likely,
    Exploited,
    Malware,
}

impl Urgency {
    /// Of one record that applies to a package.
    pub(crate) fn of(matched: &Match, package: &Package) -> Self {
        let rank = match matched.category {
            Category::Malware => Rank::Malware,
            Category::Vulnerability if is_kernel_headers(package) => Rank::Headers,
            Category::Vulnerability if matched.kev.is_some() => Rank::Exploited,
            Category::Vulnerability if is_likely(matched.epss.as_ref()) => Rank::Likely,
            Category::Vulnerability => Rank::Weakness,
        };
        Self {
            rank,
            severity: matched.severity,
            is_fixable: matched.fixed.is_some(),
            probability: matched.epss.as_ref().map_or(0, |epss| whole(epss.probability, 1_000_000.0)),
            score: matched.score.map_or(0, |score| whole(score, 10.0) + 1),
        }
    }

    /// Of several records that mean the same: the most that any of them says.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            rank: self.rank.max(other.rank),
            severity: self.severity.max(other.severity),
            is_fixable: self.is_fixable || other.is_fixable,
            probability: self.probability.max(other.probability),
            score: self.score.max(other.score),
        }
    }

    /// The same, of what a newer version mends.
    pub(crate) fn fixable(self) -> Self {
        Self { is_fixable: true, ..self }
    }

    /// The order of a list that is read from its begin.
    pub(crate) fn first(self, other: Self) -> Ordering {
        other.cmp(&self)
    }
}

/// Whether exploitation is called likely.
pub fn is_likely(epss: Option<&Epss>) -> bool {
    epss.is_some_and(|epss| epss.probability >= LIKELY)
}

/// A number between 0 and 10 as so many parts; what is none counts as 0.
#[expect(clippy::cast_sign_loss, reason = "it is clamped to what is not negative")]
fn whole(number: f32, parts: f32) -> u32 {
    (number.clamp(0.0, 10.0) * parts).round() as u32
}

#[cfg(test)]
mod tests {
    use advisory::Kev;
    use inventory::PackageKind;

    use super::*;

    #[test]
    fn malware_goes_before_exploited_before_likely_before_severe_before_fixable() {
        let epss = |probability| Some(Epss { cve: "CVE-1".into(), probability, percentile: 0.9 });
        let kev = Some(Kev { cve: "CVE-1".into(), added: "2026-01-01".into(), due: None, ransomware: false });
        let low = Match { severity: Severity::Low, ..Match::default() };
        let order = [
            Match { category: Category::Malware, ..Match::default() },
            Match { kev, ..low.clone() },
            Match { epss: epss(0.1), ..low.clone() },
            Match { severity: Severity::Critical, fixed: Some("2".into()), epss: epss(0.01), ..low.clone() },
            Match { severity: Severity::Critical, fixed: Some("2".into()), score: Some(9.9), ..low.clone() },
            Match { severity: Severity::Critical, epss: epss(0.09), ..low.clone() },
            Match { score: Some(0.0), ..low.clone() },
            low,
            Match { epss: epss(f32::NAN), score: Some(f32::NAN), ..Match::default() },
        ];
        let package = Package::new(PackageKind::Npm, "a", "1");
        for pair in order.windows(2) {
            let (one, other) = (Urgency::of(&pair[0], &package), Urgency::of(&pair[1], &package));
            assert_eq!(one.first(other), Ordering::Less, "{one:?} {other:?}");
        }
    }
}
