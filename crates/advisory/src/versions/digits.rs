//! Numbers of any length, as decimal digits.

use std::cmp::Ordering;

/// Compares two runs of ASCII digits by value, whatever their length. An empty run is zero.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// Splits off the run of ASCII digits that a text begins with.
pub(super) fn split(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// Whether a text is digits, one at least.
pub(super) fn only(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The digits of a text that are not zero.
pub(super) fn nonzero(text: &str) -> impl Iterator<Item = u8> + '_ {
    text.bytes().filter(|byte| matches!(byte, b'1'..=b'9'))
}

/// Takes the leading ASCII bytes that `wanted` accepts off a text.
pub(super) fn take<'a>(rest: &mut &'a str, wanted: impl Fn(u8) -> bool) -> &'a str {
    let end = rest.bytes().position(|byte| !byte.is_ascii() || !wanted(byte)).unwrap_or(rest.len());
    let (taken, left) = rest.split_at(end);
    *rest = left;
    taken
}
