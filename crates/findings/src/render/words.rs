//! Numbers and lists as sentences have them.

use advisory::Severity;

use crate::Counts;

/// `1 finding`, `2 findings`.
pub(super) fn number(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// `1 critical, 3 low`, worst first; what there is none of is left out.
pub(super) fn by_severity(counts: &Counts) -> String {
    let there = Severity::WORST_FIRST.into_iter().filter(|severity| counts.of(*severity) > 0);
    there.map(|severity| format!("{} {severity}", counts.of(severity))).collect::<Vec<_>>().join(", ")
}

/// A probability in percent, one digit behind the point where it is small.
pub(super) fn percent(share: f32) -> String {
    let percent = share.clamp(0.0, 1.0) * 100.0;
    if percent < 10.0 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}
