//! Whether a version lies in a range (OSV schema, "Evaluation").
//!
//! The specification sorts a range's events and lets each that applies to the version set or clear the answer, so the
//! answer is that of the last one in order. That one is found here in one pass without sorting, so that events may
//! stand in any order.

use std::cmp::Ordering;

use crate::versions::Scheme;

/// A change within a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// Vulnerable from here; `0` is before every version.
    Introduced(&'a str),
    /// Not vulnerable from here.
    Fixed(&'a str),
    /// Not known to be vulnerable after this.
    LastAffected(&'a str),
    /// The range says nothing from here; `*` is no limit.
    Limit(&'a str),
}

/// The part of a range that holds a version: from one event to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// Where it begins; `0` is before every version.
    pub introduced: &'a str,
    /// What ends it, `Fixed` or `LastAffected`, where something does.
    pub end: Option<Event<'a>>,
}

/// The part of the range of these events in which a version lies; `None` where it lies in none.
///
/// Where `scheme` is unknown or cannot read the version, only a range without bounds can be answered. An event whose
/// version cannot be read counts for nothing.
pub fn part<'a>(
    scheme: Option<Scheme>,
    version: &str,
    events: impl Iterator<Item = Event<'a>> + Clone,
) -> Option<Part<'a>> {
    let Some(scheme) = scheme.filter(|scheme| scheme.orders(version)) else {
        return is_unbounded(events).then_some(Part { introduced: "0", end: None });
    };
    if !before_limits(scheme, version, events.clone()) {
        return None;
    }
    let mut last: Option<Event<'a>> = None;
    for event in events.clone() {
        if applies(scheme, version, &event) && last.is_none_or(|last| !sorts_after(scheme, &last, &event)) {
            last = Some(event);
        }
    }
    let Some(Event::Introduced(introduced)) = last else { return None };
    let ends = events.filter(|event| {
        matches!(event, Event::Fixed(_) | Event::LastAffected(_))
            && scheme.may_bound(event.version())
            && !applies(scheme, version, event)
    });
    let end = ends.reduce(|low, next| if sorts_after(scheme, &low, &next) { next } else { low });
    Some(Part { introduced, end })
}

/// Whether a version lies in the range of these events; as [`part`].
pub fn includes<'a>(scheme: Option<Scheme>, version: &str, events: impl Iterator<Item = Event<'a>> + Clone) -> bool {
    part(scheme, version, events).is_some()
}

/// Whether every version lies in the range.
pub fn is_unbounded<'a>(events: impl Iterator<Item = Event<'a>>) -> bool {
    let mut introduced = false;
    for event in events {
        match event {
            Event::Introduced(version) => introduced |= version == "0",
            Event::Limit(version) if version.contains('*') => {}
            _ => return false,
        }
    }
    introduced
}

fn applies(scheme: Scheme, version: &str, event: &Event<'_>) -> bool {
    match event {
        Event::Introduced("0") => true,
        Event::Introduced(at) | Event::Fixed(at) => against(scheme, version, at).is_some_and(Ordering::is_ge),
        Event::LastAffected(at) => against(scheme, version, at) == Some(Ordering::Greater),
        Event::Limit(_) => false,
    }
}

/// Where a version stands to a bound; `None` where the bound is no version, so that it counts for nothing.
fn against(scheme: Scheme, version: &str, bound: &str) -> Option<Ordering> {
    if scheme.may_bound(bound) { scheme.compare(version, bound) } else { None }
}

fn before_limits<'a>(scheme: Scheme, version: &str, events: impl Iterator<Item = Event<'a>>) -> bool {
    let mut limited = false;
    for event in events {
        if let Event::Limit(limit) = event {
            if limit.contains('*') || against(scheme, version, limit) == Some(Ordering::Less) {
                return true;
            }
            limited = true;
        }
    }
    !limited
}

/// Whether `left` comes after `right`, where `left` stands earlier in the record. Of two events at one version the
/// later one counts, but `last_affected` always comes after `introduced`: both at one version mean that version.
fn sorts_after(scheme: Scheme, left: &Event<'_>, right: &Event<'_>) -> bool {
    let order = match (left, right) {
        (Event::Introduced("0"), Event::Introduced("0")) => Ordering::Equal,
        (Event::Introduced("0"), _) => Ordering::Less,
        (_, Event::Introduced("0")) => Ordering::Greater,
        _ => scheme.compare(left.version(), right.version()).unwrap_or(Ordering::Equal),
    };
    match order {
        Ordering::Greater => true,
        Ordering::Less => false,
        Ordering::Equal => matches!((left, right), (Event::LastAffected(_), Event::Introduced(_))),
    }
}

impl<'a> Event<'a> {
    /// The version that it stands at.
    pub fn version(&self) -> &'a str {
        match self {
            Self::Introduced(version) | Self::Fixed(version) | Self::LastAffected(version) | Self::Limit(version) => {
                version
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use Event::{Fixed, Introduced, LastAffected, Limit};

    use super::*;

    fn semver(version: &str, events: &[Event<'_>]) -> bool {
        includes(Some(Scheme::Semver), version, events.iter().copied())
    }

    #[test]
    fn events_may_stand_in_any_order() {
        let mut events = [Introduced("1.0.0"), Fixed("1.0.2"), Introduced("3.0.0"), Fixed("3.2.5")];
        for _ in 0..4 {
            events.rotate_left(1);
            for (version, expected) in [
                ("0.9.0", false),
                ("1.0.0", true),
                ("1.0.2", false),
                ("3.0.0", true),
                ("3.2.4", true),
                ("3.2.5", false),
            ] {
                assert_eq!(semver(version, &events), expected, "{version} {events:?}");
            }
        }
    }

    #[test]
    fn zero_is_before_everything_even_pre_releases() {
        assert!(semver("0.0.0-alpha", &[Introduced("0"), Fixed("1.0.0")]));
        assert!(includes(Some(Scheme::Dpkg), "0~~", [Introduced("0")].into_iter()));
    }

    #[test]
    fn the_last_affected_version_is_affected_and_the_next_is_not() {
        for events in [[Introduced("0"), LastAffected("2.1.214")], [LastAffected("2.1.214"), Introduced("0")]] {
            assert!(semver("2.1.214", &events));
            assert!(!semver("2.1.215", &events));
        }
        for events in [[Introduced("2.0.0"), LastAffected("2.0.0")], [LastAffected("2.0.0"), Introduced("2.0.0")]] {
            assert!(semver("2.0.0", &events));
            assert!(!semver("2.0.1", &events));
            assert!(!semver("1.9.9", &events));
        }
    }

    #[test]
    fn any_limit_above_the_version_is_enough() {
        let events = [Introduced("0"), Limit("1.0.0"), Limit("2.0.0")];
        assert!(semver("1.5.0", &events));
        assert!(!semver("2.0.0", &events));
        assert!(semver("9.0.0", &[Introduced("0"), Limit("*")]));
    }

    #[test]
    fn a_range_that_ends_where_the_next_begins_has_no_gap() {
        let events = [Introduced("1.0.0"), Fixed("2.0.0"), Introduced("2.0.0"), Fixed("3.0.0")];
        assert!(semver("2.5.0", &events));
    }

    #[test]
    fn a_version_that_nothing_orders_lies_only_in_a_range_without_bounds() {
        assert!(semver("(devel)", &[Introduced("0")]));
        assert!(!semver("(devel)", &[Introduced("0"), Fixed("1.0.0")]));
        assert!(includes(None, "7", [Introduced("0"), Limit("*")].into_iter()));
    }

    #[test]
    fn an_event_that_nothing_orders_costs_itself_alone() {
        assert!(semver("1.0.0", &[Introduced("0"), Fixed("garbage"), Fixed("2.0.0")]));
        assert!(!semver("2.0.0", &[Introduced("0"), Fixed("garbage"), Fixed("2.0.0")]));
    }

    #[test]
    fn a_bound_that_is_no_version_of_python_is_never_reached() {
        let events = [Introduced("0"), Fixed("0.2.0-n653")];
        let part = part(Some(Scheme::Pep440), "0.2.0", events.iter().copied());
        assert_eq!(part, Some(Part { introduced: "0", end: None }));
        // An installed one is before all others, as it was before PEP 440.
        let events = [Introduced("0"), Fixed("1.0")];
        assert!(includes(Some(Scheme::Pep440), "0.2.0-n653", events.iter().copied()));
    }

    #[test]
    fn the_part_that_holds_a_version_ends_at_the_next_event() {
        let events = [Fixed("3.2.5"), Introduced("3.0.0"), Introduced("1.0.0"), LastAffected("1.5.0")];
        let part = |version: &str| part(Some(Scheme::Semver), version, events.iter().copied());
        assert_eq!(part("1.2.0"), Some(Part { introduced: "1.0.0", end: Some(LastAffected("1.5.0")) }));
        assert_eq!(part("3.2.4"), Some(Part { introduced: "3.0.0", end: Some(Fixed("3.2.5")) }));
        assert_eq!(part("1.6.0"), None);
        let endless = super::part(Some(Scheme::Semver), "1.0.0", [Introduced("0")].into_iter());
        assert_eq!(endless, Some(Part { introduced: "0", end: None }));
    }
}
