//! Dart's pub: semantic versions in which what follows `+` orders too (dart.dev, "Package versioning").

use std::cmp::Ordering;

use super::semver;

/// Compares two versions; `None` where a text has no numbers in front.
pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    let builds = match (build(left), build(right)) {
        (Some(left), Some(right)) => semver::compare_identifiers(left, right),
        (left, right) => left.is_some().cmp(&right.is_some()),
    };
    Some(semver::compare(left, right)?.then(builds))
}

fn build(text: &str) -> Option<&str> {
    text.trim_ascii().split_once('+').map(|(_, build)| build)
}
