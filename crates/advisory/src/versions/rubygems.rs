//! RubyGems: segments of digits or letters; letters make a pre-release (Gem::Version).

use std::cmp::Ordering;

use super::digits::{compare as compare_numbers, only as is_number, take};

/// Compares two versions; `None` where a text is no version to RubyGems.
pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    let (left, right) = (segments(left)?, segments(right)?);
    for index in 0..left.len().max(right.len()) {
        let ordering = match (left.get(index), right.get(index)) {
            (Some(left), Some(right)) => match (is_number(left), is_number(right)) {
                (true, true) => compare_numbers(left, right),
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => left.cmp(right),
            },
            (Some(left), None) => leftover(left),
            (None, Some(right)) => leftover(right).reverse(),
            (None, None) => Ordering::Equal,
        };
        if ordering != Ordering::Equal {
            return Some(ordering);
        }
    }
    Some(Ordering::Equal)
}

/// How a segment compares with the end: letters come before it, numbers but 0 after it.
fn leftover(segment: &str) -> Ordering {
    if is_number(segment) { compare_numbers(segment, "0") } else { Ordering::Less }
}

fn segments(text: &str) -> Option<Vec<&str>> {
    let text = text.trim();
    // Gem::Version reads `1.0-rc` as `1.0.pre.rc`.
    let mut found = Vec::new();
    for (index, part) in text.split('-').enumerate() {
        if index > 0 {
            found.push("pre");
        }
        let mut rest = part;
        while !rest.is_empty() {
            let digits = take(&mut rest, |byte| byte.is_ascii_digit());
            let letters = if digits.is_empty() { take(&mut rest, |byte| byte.is_ascii_alphabetic()) } else { "" };
            match (digits, letters) {
                ("", "") => rest = rest.strip_prefix('.')?,
                ("", letters) => found.push(letters),
                (digits, _) => found.push(digits),
            }
        }
    }
    let starts_with_number = found.first().is_some_and(|first| is_number(first));
    if !starts_with_number {
        return None;
    }
    trim_zeros(&mut found);
    Some(found)
}

/// `1.0.a` is `1.a`: zeros before the first letters and at the end mean nothing (Gem::Version#canonical_segments).
fn trim_zeros(segments: &mut Vec<&str>) {
    let first_letters = segments.iter().position(|segment| !is_number(segment)).unwrap_or(segments.len());
    let tail = segments.split_off(first_letters);
    for half in [&mut *segments, &mut tail.clone()] {
        while half.last().is_some_and(|last| is_number(last) && last.bytes().all(|digit| digit == b'0')) {
            half.pop();
        }
    }
    segments.extend(tail);
}
