//! Alpine's order (apk-package(5), "Package version").
//!
//! A version is `number{.number}…{letter}{_suffix{number}}…{~hash}{-r#}`. What does not fit that is a remainder, which
//! sorts before a version without one.

use std::cmp::Ordering;

use super::digits;

pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    if left.is_empty() || right.is_empty() {
        return None;
    }
    let (left, right) = (Version::parse(left), Version::parse(right));
    Some(
        compare_numbers(left.numbers, right.numbers)
            .then_with(|| left.letter.cmp(&right.letter))
            .then_with(|| compare_suffixes(left.suffixes, right.suffixes))
            .then_with(|| compare_counts(left.revision, right.revision))
            .then_with(|| left.rest.cmp(&right.rest)),
    )
}

struct Version<'a> {
    /// `1.2.3`.
    numbers: &'a str,
    letter: Option<u8>,
    /// `_rc1_git20200101`.
    suffixes: &'a str,
    /// The digits after `-r`, where that is there.
    revision: Option<&'a str>,
    rest: Rest<'a>,
}

/// What was left when everything known was read, in the order in which it sorts.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Rest<'a> {
    /// No revision could be read.
    Unreadable(&'a str),
    /// Something follows the revision.
    AfterRevision,
    Nothing,
}

impl<'a> Version<'a> {
    fn parse(text: &'a str) -> Self {
        let (numbers, text) = split_numbers(text);
        let letter = text.bytes().next().filter(u8::is_ascii_lowercase);
        let text = &text[usize::from(letter.is_some())..];
        let mut rest = text;
        while let Some((_, _, after)) = split_suffix(rest) {
            rest = after;
        }
        let (suffixes, text) = text.split_at(text.len() - rest.len());
        let text = skip_hash(text);
        let (revision, rest) = match text.strip_prefix("-r") {
            _ if text.is_empty() => (None, Rest::Nothing),
            None => (None, Rest::Unreadable(text)),
            Some(text) => {
                let (revision, text) = digits::split(text);
                // `-r` alone is `-r0`.
                let is_revision = !revision.is_empty() || text.is_empty();
                (is_revision.then_some(revision), if text.is_empty() { Rest::Nothing } else { Rest::AfterRevision })
            }
        };
        Self { numbers, letter, suffixes, revision, rest }
    }
}

/// Splits off `1.2.3`, without a dot at its end.
fn split_numbers(text: &str) -> (&str, &str) {
    let mut end = digits::split(text).0.len();
    while end > 0 {
        let more = text[end..].strip_prefix('.').map_or(0, |rest| digits::split(rest).0.len());
        if more == 0 {
            break;
        }
        end += 1 + more;
    }
    text.split_at(end)
}

/// The first number compares by value, a later one that has a leading zero like a decimal fraction.
fn compare_numbers(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    let mut first = true;
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(left), Some(right)) if !first && (left.starts_with('0') || right.starts_with('0')) => left.cmp(right),
            (Some(left), Some(right)) => digits::compare(left, right),
        };
        if order.is_ne() {
            return order;
        }
        first = false;
    }
}

/// The suffixes by weight; a version without one sorts where `None` stands.
const SUFFIXES: [(&str, i8); 9] = [
    ("alpha", -4),
    ("beta", -3),
    ("pre", -2),
    ("rc", -1),
    ("cvs", 1),
    ("svn", 2),
    ("git", 3),
    ("hg", 4),
    // After all others of which it could be the beginning.
    ("p", 5),
];

/// Splits off one `_suffix{number}`: weight, number, what follows.
fn split_suffix(text: &str) -> Option<(i8, &str, &str)> {
    let text = text.strip_prefix('_')?;
    let (weight, text) = SUFFIXES.iter().find_map(|(name, weight)| Some((*weight, text.strip_prefix(name)?)))?;
    let (number, text) = digits::split(text);
    Some((weight, number, text))
}

/// A count that is not there comes before all, 0 too: the version without it ends sooner.
fn compare_counts(left: Option<&str>, right: Option<&str>) -> Ordering {
    match (left, right) {
        (Some(left), Some(right)) => digits::compare(left, right),
        _ => left.is_some().cmp(&right.is_some()),
    }
}

fn compare_suffixes(mut left: &str, mut right: &str) -> Ordering {
    loop {
        if left.is_empty() && right.is_empty() {
            return Ordering::Equal;
        }
        let (left_weight, left_number, left_rest) = split_suffix(left).unwrap_or((0, "", ""));
        let (right_weight, right_number, right_rest) = split_suffix(right).unwrap_or((0, "", ""));
        let order =
            left_weight.cmp(&right_weight).then_with(|| compare_counts(counted(left_number), counted(right_number)));
        if order.is_ne() {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
}

/// A number, where it has digits.
fn counted(number: &str) -> Option<&str> {
    Some(number).filter(|number| !number.is_empty())
}

/// A commit's hash says nothing about order.
fn skip_hash(text: &str) -> &str {
    let Some(hash) = text.strip_prefix('~') else { return text };
    let end = hash.bytes().position(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'f')).unwrap_or(hash.len());
    if end == 0 { text } else { &hash[end..] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_stand_around_the_plain_version() {
        for pair in ["1_alpha", "1_beta", "1_pre", "1_rc", "1", "1_cvs", "1_svn", "1_git", "1_hg", "1_p"].windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Some(Ordering::Less), "{pair:?}");
        }
    }

    #[test]
    fn a_later_number_with_a_leading_zero_is_a_fraction() {
        assert_eq!(compare("1.09", "1.1"), Some(Ordering::Less));
        assert_eq!(compare("1.10", "1.9"), Some(Ordering::Greater));
        assert_eq!(compare("009", "10"), Some(Ordering::Less));
    }

    #[test]
    fn what_is_not_there_comes_before_nought() {
        for (left, right) in
            [("1.0", "1.0-r0"), ("1.0_p", "1.0_p0"), ("1.0_alpha", "1.0_alpha0"), ("1.0_p1", "1.0_p1-r0")]
        {
            assert_eq!(compare(left, right), Some(Ordering::Less), "{left} {right}");
        }
        assert_eq!(compare("1.0-r00", "1.0-r0"), Some(Ordering::Equal));
    }

    #[test]
    fn revisions_and_hashes_come_last() {
        assert_eq!(compare("1.2-r9", "1.2-r10"), Some(Ordering::Less));
        assert_eq!(compare("1.2~abc-r1", "1.2~def-r1"), Some(Ordering::Equal));
    }
}
