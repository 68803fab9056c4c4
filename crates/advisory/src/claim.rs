//! What one record says of one package: the rows of the index that a version is held against.

use std::cmp::Ordering;

use crate::evaluate::{self, Event, Part};
use crate::index::{AffectedRow, Damage, RangeRow, Segment, Text};
use crate::matcher::Affected;
use crate::versions::Scheme;

/// The rows of one record, read in place.
#[derive(Clone, Copy)]
pub(crate) struct Claim<'a> {
    pub(crate) segment: Segment<'a>,
    pub(crate) scheme: Option<Scheme>,
    pub(crate) rows: &'a [AffectedRow],
}

/// By which rules a record is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// OSV's plain ones.
    Plain,
    /// With Go's custom ranges: they replace a standard range without bounds, else both count.
    Custom,
}

/// What of a row holds a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held<'a> {
    Listed,
    Range(Part<'a>),
}

type Read<T> = Result<T, Damage>;

/// Most fixed versions that are tried for being the lowest one that helps; real records have a few dozen.
const MOST_TRIED_FIXES: usize = 256;

/// Most parts above the installed version that are told; real records have a few.
const MOST_PARTS_ABOVE: usize = 256;

impl<'a> Claim<'a> {
    /// OSV's `IncludedInVersions || IncludedInRanges`: the first row that holds the version, and what of it does.
    pub(crate) fn holds(&self, version: &str, reading: Reading) -> Read<Option<(&'a AffectedRow, Held<'a>)>> {
        for row in self.rows {
            if let Some(held) = self.row_holds(row, version, reading)? {
                return Ok(Some((row, held)));
            }
        }
        Ok(None)
    }

    /// The rows that hold the version.
    pub(crate) fn holding(&self, version: &str, reading: Reading) -> Read<Vec<&'a AffectedRow>> {
        let mut holding = Vec::new();
        for row in self.rows {
            if self.row_holds(row, version, reading)?.is_some() {
                holding.push(row);
            }
        }
        Ok(holding)
    }

    fn row_holds(&self, row: &'a AffectedRow, version: &str, reading: Reading) -> Read<Option<Held<'a>>> {
        let ranges = self.segment.ranges(row)?;
        let has_custom = reading == Reading::Custom && ranges.iter().any(RangeRow::is_custom);
        for range in ranges {
            let events = self.segment.events(range)?;
            let is_replaced = has_custom && !range.is_custom() && evaluate::is_unbounded(events.clone());
            if is_replaced || (range.is_custom() && reading == Reading::Plain) {
                continue;
            }
            if let Some(part) = evaluate::part(self.scheme_of(range), version, events) {
                return Ok(Some(Held::Range(part)));
            }
        }
        Ok(self.lists(self.segment.list(row.versions)?, version)?.then_some(Held::Listed))
    }

    /// Whether a list of versions has this one, written so or in another way.
    fn lists(&self, versions: &[Text], version: &str) -> Read<bool> {
        for listed in versions {
            let listed = self.segment.text(*listed)?;
            if listed == version || self.scheme.is_some_and(|scheme| scheme.same(listed, version)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn scheme_of(&self, range: &RangeRow) -> Option<Scheme> {
        if range.is_semver() { Some(Scheme::Semver) } else { self.scheme }
    }

    /// Whether the record has ranges that only [`Reading::Custom`] looks at.
    pub(crate) fn has_custom_ranges(&self) -> Read<bool> {
        for row in self.rows {
            if self.segment.ranges(row)?.iter().any(RangeRow::is_custom) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Every version that some range calls fixed, with what orders it.
    pub(crate) fn fixes(&self, reading: Reading) -> Read<Vec<(Option<Scheme>, &'a str)>> {
        let mut fixes = Vec::new();
        for row in self.rows {
            for range in self.segment.ranges(row)? {
                if range.is_custom() && reading == Reading::Plain {
                    continue;
                }
                for event in self.segment.events(range)? {
                    if let Event::Fixed(version) = event {
                        fixes.push((self.scheme_of(range), version));
                    }
                }
            }
        }
        Ok(fixes)
    }

    /// Where Go's custom ranges end.
    pub(crate) fn custom_fixes(&self) -> Read<Vec<&'a str>> {
        let mut fixes = Vec::new();
        for row in self.rows {
            for range in self.segment.ranges(row)?.iter().filter(|range| range.is_custom()) {
                let end = |event| if let Event::Fixed(version) = event { Some(version) } else { None };
                fixes.extend(self.segment.events(range)?.filter_map(end));
            }
        }
        Ok(fixes)
    }

    /// The parts above the installed version in which the record holds again: a branch that got the flaw later, versions that are
    /// listed one by one. An upgrade must not lead into one.
    pub(crate) fn again(&self, installed: &str, reading: Reading) -> Read<Vec<Part<'a>>> {
        let mut parts: Vec<Part<'a>> = Vec::new();
        let is_above = |scheme: Option<Scheme>, version: &str| {
            scheme.and_then(|scheme| scheme.compare(version, installed)) == Some(Ordering::Greater)
        };
        for row in self.rows {
            let ranges = self.segment.ranges(row)?;
            for range in ranges.iter().filter(|range| !range.is_custom() || reading == Reading::Custom) {
                let (scheme, events) = (self.scheme_of(range), self.segment.events(range)?);
                for event in events.clone() {
                    let Event::Introduced(version) = event else { continue };
                    if version != "0" && is_above(scheme, version) {
                        parts.extend(evaluate::part(scheme, version, events.clone()));
                    }
                }
            }
            // Where there are ranges, they say the same as the list.
            if ranges.is_empty() {
                for listed in self.segment.list(row.versions)? {
                    let version = self.segment.text(*listed)?;
                    if is_above(self.scheme, version) {
                        parts.push(Part { introduced: version, end: Some(Event::LastAffected(version)) });
                    }
                }
            }
            parts.truncate(MOST_PARTS_ABOVE);
        }
        Ok(parts)
    }

    /// The lowest version above the installed one that some range calls fixed and that the record does not affect.
    pub(crate) fn lowest_fix(&self, installed: &str, reading: Reading) -> Read<Option<&'a str>> {
        let mut fixes: Vec<(Scheme, &str)> = Vec::new();
        for (scheme, version) in self.fixes(reading)? {
            let Some(scheme) = scheme else { continue };
            if scheme.compare(version, installed) == Some(Ordering::Greater) {
                fixes.push((scheme, version));
            }
        }
        // One lowest after the other, and not sorted: a sort may panic where an ecosystem's own comparison is no order
        // (pacman's `1-1`, `1`, `1-2`), and mostly the first one helps.
        for _ in 0..MOST_TRIED_FIXES {
            let lower =
                |left: &(Scheme, &str), right: &(Scheme, &str)| left.0.compare(left.1, right.1) == Some(Ordering::Less);
            let lowest = fixes.iter().copied().reduce(|low, next| if lower(&next, &low) { next } else { low });
            let Some(lowest) = lowest else { return Ok(None) };
            if self.holds(lowest.1, reading)?.is_none() {
                return Ok(Some(lowest.1));
            }
            fixes.retain(|fix| *fix != lowest);
        }
        Ok(None)
    }
}

impl From<Held<'_>> for Affected {
    fn from(held: Held<'_>) -> Self {
        match held {
            Held::Listed => Self::Listed,
            Held::Range(part) => part.into(),
        }
    }
}

impl From<Part<'_>> for Affected {
    fn from(part: Part<'_>) -> Self {
        Self::Range {
            introduced: part.introduced.to_owned(),
            fixed: part.end.and_then(|end| matches!(end, Event::Fixed(_)).then(|| end.version().to_owned())),
            last_affected: part
                .end
                .and_then(|end| matches!(end, Event::LastAffected(_)).then(|| end.version().to_owned())),
        }
    }
}
