//! Maven, after its POM reference, "Version Order Specification".
//!
//! A version is a sequence of tokens, each with the separator before it; a change between digits and letters is as good
//! as a hyphen. What means nothing (`0`, `final`, `ga`, `release`) is cut off at the end and before each hyphen.

use std::cmp::Ordering;

use super::digits::compare as compare_numbers;

/// Compares two versions. Every text is a version to Maven.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (tokens(left), tokens(right));
    for index in 0..left.len().max(right.len()) {
        // The shorter one is filled up with what means nothing beside the other's token: 0, or the release itself.
        let nothing = |other: &Token| Token {
            separator: other.separator,
            value: match (&other.value, other.separator) {
                (Value::Number(_), b'.') => Value::Number("0".to_owned()),
                _ => Value::Word(String::new()),
            },
        };
        let ordering = match (left.get(index), right.get(index)) {
            (Some(left), Some(right)) => left.compare(right),
            (Some(left), None) => left.compare(&nothing(left)),
            (None, Some(right)) => nothing(right).compare(right),
            (None, None) => Ordering::Equal,
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    Ordering::Equal
}

struct Token {
    separator: u8,
    value: Value,
}

enum Value {
    Number(String),
    /// A qualifier in lower case, its aliases resolved; the empty one is the release itself.
    Word(String),
}

/// Words with a place of their own, oldest first; the release itself is the empty word.
const PLACES: [&str; 7] = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];

impl Token {
    fn compare(&self, other: &Self) -> Ordering {
        match (&self.value, &other.value) {
            (Value::Number(left), Value::Number(right)) if self.separator == other.separator => {
                compare_numbers(left, right)
            }
            (Value::Word(left), Value::Word(right)) if self.separator == other.separator => {
                place(left).cmp(&place(right))
            }
            // `.qualifier` < `-qualifier` < `-number` < `.number`
            _ => self.kind().cmp(&other.kind()),
        }
    }

    fn kind(&self) -> u8 {
        match (&self.value, self.separator) {
            (Value::Word(_), b'.') => 0,
            (Value::Word(_), _) => 1,
            (Value::Number(_), b'-') => 2,
            (Value::Number(_), _) => 3,
        }
    }

    fn is_nothing(&self) -> bool {
        match &self.value {
            Value::Number(digits) => digits.bytes().all(|digit| digit == b'0'),
            Value::Word(word) => word.is_empty(),
        }
    }
}

/// Known words by their place, all others after them by the alphabet.
fn place(word: &str) -> (usize, &str) {
    match PLACES.iter().position(|known| *known == word) {
        Some(place) => (place, ""),
        None => (PLACES.len(), word),
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let text = text.to_lowercase();
    let mut tokens = Vec::new();
    let mut separator = b'.';
    let mut rest = text.as_str();
    loop {
        let end = rest.find(['.', '-', '_']).unwrap_or(rest.len());
        split(&rest[..end], separator, &mut tokens);
        let Some(found) = rest.as_bytes().get(end) else { break };
        separator = if *found == b'.' { b'.' } else { b'-' };
        rest = &rest[end + 1..];
    }
    trim(&mut tokens);
    tokens
}

/// Splits what stands between two separators where digits and letters meet.
fn split(part: &str, mut separator: u8, tokens: &mut Vec<Token>) {
    if part.is_empty() {
        tokens.push(Token { separator, value: Value::Number("0".to_owned()) });
        return;
    }
    let mut rest = part;
    while let Some(first) = rest.bytes().next() {
        let digits = first.is_ascii_digit();
        let end = rest.bytes().position(|byte| byte.is_ascii_digit() != digits).unwrap_or(rest.len());
        let (taken, left) = rest.split_at(end);
        let value = if digits { Value::Number(taken.to_owned()) } else { Value::Word(word(taken, !left.is_empty())) };
        tokens.push(Token { separator, value });
        (rest, separator) = (left, b'-');
    }
}

fn word(text: &str, before_number: bool) -> String {
    match text {
        "a" if before_number => "alpha",
        "b" if before_number => "beta",
        "m" if before_number => "milestone",
        "cr" => "rc",
        "ga" | "final" | "release" => "",
        other => other,
    }
    .to_owned()
}

/// Cuts off what means nothing, at the end and before each hyphen.
fn trim(tokens: &mut Vec<Token>) {
    let mut index = tokens.len();
    while index > 0 {
        index -= 1;
        let at_end = tokens.get(index + 1).is_none_or(|next| next.separator == b'-');
        if at_end && tokens[index].is_nothing() {
            tokens.remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_nothing_but_zeros_is_the_release_to_what_hangs_on_it() {
        for zero in ["0", "0.0", "0.0.0"] {
            for (suffix, order) in [
                ("-jre", Ordering::Less),
                ("-sp", Ordering::Less),
                ("-rc1", Ordering::Greater),
                ("-final", Ordering::Equal),
            ] {
                assert_eq!(compare(zero, &format!("{zero}{suffix}")), order, "{zero}{suffix}");
            }
            assert_eq!(compare(zero, "0.0.1"), Ordering::Less);
        }
    }
}
