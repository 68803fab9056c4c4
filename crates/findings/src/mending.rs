//! The version to go to: the lowest that mends all, and that none of the records affects again.
//!
//! A record may hold in several branches (`0` to `1.5`, `2.0` to `2.3`). Its own fix is then `1.5`, and who must go to `2.1` for another
//! record's sake has it back.

use std::cmp::Ordering;

use advisory::Affected;
use advisory::versions::Scheme;

use crate::Finding;

/// What mends all records that know a fix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mending<'a> {
    /// This version does.
    By(&'a str),
    /// No version is known to mend all: at the highest of their fixes, some hold again. Or one of several does, where nobody knows
    /// their order.
    InPart(Vec<String>),
    /// None of them knows a fix.
    Nothing,
}

/// Chooses among the fixes of all records, and among the ends of the branches in which they hold again.
pub(crate) fn mending<'a>(records: &[&'a Finding]) -> Mending<'a> {
    let fixable: Vec<&Finding> = records.iter().copied().filter(|record| record.matched.fixed.is_some()).collect();
    let Some(first) = fixable.first() else { return Mending::Nothing };
    let mut highest = Vec::new();
    for record in &fixable {
        raise(&mut highest, record.matched.fixed.as_deref().unwrap_or_default(), scheme(record));
    }
    let [version] = highest.as_slice() else { return Mending::InPart(highest) };
    let clean = |version: &str| fixable.iter().all(|record| is_past(record, version));
    if clean(version) {
        // As the record writes it: that lives as long as the records do.
        let written =
            fixable.iter().find_map(|record| record.matched.fixed.as_deref().filter(|fixed| fixed == version));
        return written.map_or(Mending::Nothing, Mending::By);
    }
    let scheme = scheme(first);
    let order = |one: &str, other: &str| scheme.and_then(|scheme| scheme.compare(one, other));
    let ends = fixable.iter().flat_map(|record| &record.matched.again).filter_map(|part| match part {
        Affected::Range { fixed: Some(end), .. } => Some(end.as_str()),
        _ => None,
    });
    let higher = ends.filter(|end| order(end, version) == Some(Ordering::Greater) && clean(end));
    match higher.reduce(|low, next| if order(next, low) == Some(Ordering::Less) { next } else { low }) {
        Some(lowest) => Mending::By(lowest),
        None => Mending::InPart(highest),
    }
}

/// Whether a record holds no more at a version.
pub(crate) fn is_past(record: &Finding, version: &str) -> bool {
    let matched = &record.matched;
    let scheme = scheme(record);
    let order = |other: &str| scheme.and_then(|scheme| scheme.compare(version, other));
    let is_over = match (&matched.fixed, &matched.affected) {
        (Some(fixed), _) => matches!(order(fixed), Some(Ordering::Greater | Ordering::Equal)) || version == fixed,
        // It names versions one by one, and another record says that this one mends it.
        (None, Affected::Listed) => true,
        (None, Affected::Range { last_affected: Some(last), .. }) => order(last) == Some(Ordering::Greater),
        (None, Affected::Range { .. }) => false,
    };
    is_over && !matched.again.iter().any(|part| holds(part, order))
}

/// Whether a part holds the version that `order` compares with others.
fn holds(part: &Affected, order: impl Fn(&str) -> Option<Ordering>) -> bool {
    let Affected::Range { introduced, fixed, last_affected } = part else { return false };
    let is_before_end = match (fixed, last_affected) {
        (Some(fixed), _) => order(fixed) == Some(Ordering::Less),
        (None, Some(last)) => matches!(order(last), Some(Ordering::Less | Ordering::Equal)),
        (None, None) => true,
    };
    is_before_end && matches!(order(introduced), Some(Ordering::Greater | Ordering::Equal))
}

fn scheme(record: &Finding) -> Option<Scheme> {
    Scheme::of_ecosystem(&record.matched.ecosystem)
}

/// Adds a version to those that are needed: older ones are not needed any more, and several stay where nobody knows
/// their order.
fn raise(versions: &mut Vec<String>, version: &str, scheme: Option<Scheme>) {
    let order = |known: &String| scheme.and_then(|scheme| scheme.compare(known, version));
    let is_enough = |known: &String| matches!(order(known), Some(Ordering::Greater | Ordering::Equal));
    if versions.iter().any(|known| known == version || is_enough(known)) {
        return;
    }
    versions.retain(|known| order(known) != Some(Ordering::Less));
    versions.push(version.to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raised(scheme: Option<Scheme>, versions: &[&str]) -> Vec<String> {
        let mut kept = Vec::new();
        for version in versions {
            raise(&mut kept, version, scheme);
        }
        kept
    }

    #[test]
    fn an_update_goes_to_the_version_that_mends_all() {
        assert_eq!(raised(Some(Scheme::Dpkg), &["1.10-1", "1.9-1", "1.10-1+deb12u1", "1.10-1"]), ["1.10-1+deb12u1"]);
        assert_eq!(raised(Some(Scheme::Pep440), &["2.0rc1", "2.0", "1.11"]), ["2.0"]);
    }

    #[test]
    fn where_nobody_knows_the_order_all_are_named() {
        assert_eq!(raised(None, &["b", "a", "b"]), ["b", "a"]);
    }
}
