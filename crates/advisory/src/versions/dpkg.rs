//! Debian's order (deb-version(7), "Sorting algorithm").

use std::cmp::Ordering;

use super::digits;

pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    let (left, right) = (Version::parse(left)?, Version::parse(right)?);
    Some(
        digits::compare(left.epoch, right.epoch)
            .then_with(|| compare_part(left.upstream, right.upstream))
            .then_with(|| compare_part(left.revision, right.revision)),
    )
}

struct Version<'a> {
    epoch: &'a str,
    upstream: &'a str,
    revision: &'a str,
}

impl<'a> Version<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim_ascii();
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) if digits::only(epoch) => (epoch, rest),
            Some(_) => return None,
            None => ("", text),
        };
        let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
        (!rest.is_empty()).then_some(Self { epoch, upstream, revision })
    }
}

/// Compares by turns what is not digits, byte by byte, and what is, by value. An absent part is the empty one, which
/// equals `0`.
fn compare_part(mut left: &str, mut right: &str) -> Ordering {
    while !(left.is_empty() && right.is_empty()) {
        let (left_word, left_rest) = split_word(left);
        let (right_word, right_rest) = split_word(right);
        let words = compare_word(left_word.as_bytes(), right_word.as_bytes());
        let (left_number, left_rest) = digits::split(left_rest);
        let (right_number, right_rest) = digits::split(right_rest);
        let order = words.then_with(|| digits::compare(left_number, right_number));
        if order.is_ne() {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
    Ordering::Equal
}

fn split_word(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

fn compare_word(left: &[u8], right: &[u8]) -> Ordering {
    (0..left.len().max(right.len()))
        .map(|at| weight(left.get(at)).cmp(&weight(right.get(at))))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

/// `~` comes before the end, the end before letters, letters before everything else.
fn weight(byte: Option<&u8>) -> i32 {
    match byte {
        Some(b'~') => -1,
        None => 0,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_sorts_before_the_end_and_an_absent_revision_is_zero() {
        assert_eq!(compare("1.0~rc1", "1.0"), Some(Ordering::Less));
        assert_eq!(compare("1.0", "1.0-0"), Some(Ordering::Equal));
        assert_eq!(compare("1.0-1~deb12u1", "1.0-1"), Some(Ordering::Less));
        assert_eq!(compare("1.0-1", "1.0-1+deb12u1"), Some(Ordering::Less));
        assert_eq!(compare("1.0+b1", "1.0a"), Some(Ordering::Greater));
    }

    #[test]
    fn an_epoch_outweighs_the_rest_and_must_be_a_number() {
        assert_eq!(compare("1:0.1", "99"), Some(Ordering::Greater));
        assert_eq!(compare("0:1", "1"), Some(Ordering::Equal));
        assert_eq!(compare("x:1", "1"), None);
        assert_eq!(compare("", "1"), None);
    }

    #[test]
    fn numbers_longer_than_a_machine_word_compare_by_value() {
        assert_eq!(compare("1.99999999999999999999999", "1.100000000000000000000000"), Some(Ordering::Less));
        assert_eq!(compare("1.0000000000000000000000002", "1.2"), Some(Ordering::Equal));
    }
}
