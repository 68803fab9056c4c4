//! Packagist: PHP's version_compare, as Composer uses it.
//!
//! Parts are split at `.`, `-`, `_`, `+` and where digits and letters meet. A number outranks every word but `p`:
//! any other word, upper case but `RC` too, < `dev` < `a` < `b` < `rc` < number < `p`.

use std::cmp::Ordering;

use super::digits::{compare as compare_numbers, only as is_number};

/// Compares two versions. Every text is a version to PHP.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (parts(left), parts(right));
    for index in 0..left.len().max(right.len()) {
        let ordering = match (left.get(index), right.get(index)) {
            (Some(left), Some(right)) if is_number(left) && is_number(right) => compare_numbers(left, right),
            (Some(left), Some(right)) => rank(left).cmp(&rank(right)),
            (Some(left), None) => leftover(left),
            (None, Some(right)) => leftover(right).reverse(),
            (None, None) => Ordering::Equal,
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    Ordering::Equal
}

/// How a part compares with the end: a number is more, `#` (a number of no size) the same, a word by its rank.
fn leftover(part: &str) -> Ordering {
    if is_number(part) { Ordering::Greater } else { rank(part).cmp(&NUMBER) }
}

const NUMBER: u8 = 5;

fn rank(part: &str) -> u8 {
    if is_number(part) || part == "#" {
        return NUMBER;
    }
    let ranks = [("dev", 1), ("a", 2), ("b", 3), ("rc", 4), ("RC", 4), ("p", 6)];
    ranks.iter().find(|(word, _)| part.starts_with(word)).map_or(0, |(_, rank)| *rank)
}

fn parts(text: &str) -> Vec<String> {
    let text = text.trim();
    let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let mut parts: Vec<String> = Vec::new();
    let mut previous: Option<char> = None;
    for character in text.chars() {
        let separates = matches!(character, '.' | '-' | '_' | '+');
        let meets = previous.is_some_and(|previous| previous.is_ascii_digit() != character.is_ascii_digit());
        match parts.last_mut() {
            Some(part) if !separates && previous.is_some() && !meets => part.push(character),
            _ if !separates => parts.push(character.to_string()),
            _ => {}
        }
        previous = (!separates).then_some(character);
    }
    parts
}
