//! NuGet: semantic versions of up to four numbers that ignore case (NuGet documentation, "Package versioning").

use std::cmp::Ordering;

use super::semver;

/// Compares two versions; `None` where a text has no numbers in front.
pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    semver::compare(&left.to_ascii_lowercase(), &right.to_ascii_lowercase())
}
