//! rpm: `[epoch:]version[-release]`, after rpmvercmp (rpm.org, "Dependencies", versions).
//!
//! Runs of digits and runs of letters are compared in turn, everything else only separates; `~` sorts before the end
//! of the text, `^` after it but before anything more.

use std::cmp::Ordering;

use super::digits::{compare as compare_numbers, take};

/// Compares two versions. Every text is a version to rpm.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (Parts::of(left), Parts::of(right));
    compare_segments(left.epoch, right.epoch)
        .then_with(|| compare_segments(left.version, right.version))
        .then_with(|| left.release.is_some().cmp(&right.release.is_some()))
        .then_with(|| compare_segments(left.release.unwrap_or(""), right.release.unwrap_or("")))
}

struct Parts<'a> {
    epoch: &'a str,
    version: &'a str,
    release: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        // What stands before a colon is an epoch only if it is a number; a release has no hyphen in it.
        let epoch = text.split_once(':').filter(|(epoch, _)| epoch.bytes().all(|byte| byte.is_ascii_digit()));
        let (epoch, rest) = epoch.unwrap_or(("0", text));
        let (version, release) =
            rest.rsplit_once('-').map_or((rest, None), |(version, release)| (version, Some(release)));
        Self { epoch: if epoch.is_empty() { "0" } else { epoch }, version, release }
    }
}

fn compare_segments(mut left: &str, mut right: &str) -> Ordering {
    loop {
        let separates = |byte: u8| !byte.is_ascii_alphanumeric() && byte != b'~' && byte != b'^';
        skip(&mut left, separates);
        skip(&mut right, separates);
        match (left.strip_prefix('~'), right.strip_prefix('~')) {
            (Some(after), Some(other)) => {
                (left, right) = (after, other);
                continue;
            }
            (Some(_), None) => return Ordering::Less,
            (None, Some(_)) => return Ordering::Greater,
            (None, None) => {}
        }
        match (left.strip_prefix('^'), right.strip_prefix('^')) {
            (Some(after), Some(other)) => {
                (left, right) = (after, other);
                continue;
            }
            (Some(_), None) => return if right.is_empty() { Ordering::Greater } else { Ordering::Less },
            (None, Some(_)) => return if left.is_empty() { Ordering::Less } else { Ordering::Greater },
            (None, None) => {}
        }
        if left.is_empty() || right.is_empty() {
            return left.len().min(1).cmp(&right.len().min(1));
        }
        let ordering = if left.as_bytes()[0].is_ascii_digit() {
            let digits = take(&mut left, |byte| byte.is_ascii_digit());
            let others = take(&mut right, |byte| byte.is_ascii_digit());
            // A number is newer than letters.
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
}

fn skip(rest: &mut &str, unwanted: impl Fn(u8) -> bool) {
    *rest = rest.trim_start_matches(|character: char| !character.is_ascii() || unwanted(character as u8));
}
