//! Arch Linux: `[epoch:]version[-release]`, after pacman's vercmp(8), which differs from rpm's in what separators and
//! trailing letters mean.

use std::cmp::Ordering;

use super::digits::{compare as compare_numbers, only as is_number, take};

/// Compares two versions. Every text is a version to pacman.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (Parts::of(left), Parts::of(right));
    let releases = match (left.release, right.release) {
        (Some(left), Some(right)) => compare_segments(left, right),
        // A dependency without a release means all of them.
        _ => Ordering::Equal,
    };
    compare_numbers(left.epoch, right.epoch).then_with(|| compare_segments(left.version, right.version)).then(releases)
}

struct Parts<'a> {
    epoch: &'a str,
    version: &'a str,
    release: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let epoch = text.split_once(':').filter(|(epoch, _)| epoch.is_empty() || is_number(epoch));
        let (epoch, rest) = epoch.unwrap_or(("0", text));
        let (version, release) =
            rest.rsplit_once('-').map_or((rest, None), |(version, release)| (version, Some(release)));
        Self { epoch, version, release }
    }
}

fn compare_segments(mut left: &str, mut right: &str) -> Ordering {
    while !left.is_empty() && !right.is_empty() {
        let separates = |character: char| !character.is_ascii_alphanumeric();
        let (before_left, before_right) = (left.len(), right.len());
        left = left.trim_start_matches(separates);
        right = right.trim_start_matches(separates);
        if left.is_empty() || right.is_empty() {
            break;
        }
        let separators = (before_left - left.len()).cmp(&(before_right - right.len()));
        if separators != Ordering::Equal {
            return separators;
        }
        let ordering = if left.as_bytes()[0].is_ascii_digit() {
            let digits = take(&mut left, |byte| byte.is_ascii_digit());
            let others = take(&mut right, |byte| byte.is_ascii_digit());
            if others.is_empty() { Ordering::Greater } else { compare_numbers(digits, others) }
        } else {
            let letters = take(&mut left, |byte| byte.is_ascii_alphabetic());
            let others = take(&mut right, |byte| byte.is_ascii_alphabetic());
            if others.is_empty() { Ordering::Less } else { letters.cmp(others) }
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    let letter_first = |text: &str| text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
    match (left.is_empty(), right.is_empty()) {
        (true, true) => Ordering::Equal,
        // What is left over is newer, unless it is letters: `1.0rc` is before `1.0`.
        (true, false) => {
            if letter_first(right) {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
        _ => {
            if letter_first(left) {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
    }
}
