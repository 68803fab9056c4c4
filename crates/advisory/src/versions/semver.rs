//! Semantic versions (SemVer 2.0, section 11), as npm, Go, crates.io and others really write them.
//!
//! Beyond the specification: a leading `v`, any number of numeric parts (absent ones are zero), and text right behind
//! the numbers (`1.2.3rc1`), which counts as a pre-release. Build metadata says nothing about order.

use std::cmp::Ordering;

use super::digits;

pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    let (left, right) = (Version::parse(left)?, Version::parse(right)?);
    Some(compare_numbers(left.numbers, right.numbers).then_with(|| compare_pre(left.pre, right.pre)))
}

struct Version<'a> {
    numbers: &'a str,
    /// Empty for a release.
    pre: &'a str,
}

impl<'a> Version<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim_ascii();
        let text = text.strip_prefix('v').unwrap_or(text);
        let text = text.split_once('+').map_or(text, |(before, _)| before);
        let end = text.bytes().position(|byte| !(byte.is_ascii_digit() || byte == b'.')).unwrap_or(text.len());
        let (numbers, pre) = text.split_at(end);
        let has_number = numbers.bytes().any(|byte| byte.is_ascii_digit());
        has_number.then_some(Self { numbers, pre: pre.strip_prefix('-').unwrap_or(pre) })
    }
}

fn compare_numbers(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let pair = (left.next(), right.next());
        if pair == (None, None) {
            return Ordering::Equal;
        }
        let order = digits::compare(pair.0.unwrap_or(""), pair.1.unwrap_or(""));
        if order.is_ne() {
            return order;
        }
    }
}

fn compare_pre(left: &str, right: &str) -> Ordering {
    if left.is_empty() || right.is_empty() {
        // A release comes after its pre-releases.
        return right.len().cmp(&left.len());
    }
    compare_identifiers(left, right)
}

/// Compares two dotted lists: numbers by value and before words, a longer list after its beginning.
pub(super) fn compare_identifiers(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(left), Some(right)) => match (digits::only(left), digits::only(right)) {
                (true, true) => digits::compare(left, right),
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
                (false, false) => left.cmp(right),
            },
        };
        if order.is_ne() {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_own_example_is_in_order() {
        let versions = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "2.0.0",
            "2.1.0",
            "2.1.1",
        ];
        for pair in versions.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Some(Ordering::Less), "{pair:?}");
        }
    }

    #[test]
    fn go_versions_are_read_and_a_development_build_is_not() {
        assert_eq!(compare("v1.2.3+incompatible", "1.2.3"), Some(Ordering::Equal));
        assert_eq!(compare("v0.0.0-20200101000000-abcdefabcdef", "0.0.0"), Some(Ordering::Less));
        assert_eq!(compare("(devel)", "1.0.0"), None);
    }
}
