//! Homebrew's order: `Version`, then the revision of the formula behind an underscore (`1.2.4_5`).
//!
//! Source: `Library/Homebrew/version.rb` and `pkg_version.rb` of Homebrew/brew. A version is scanned for tokens, what lies
//! between them says nothing; a token that only one side has stands against nothing, which is zero for a number.

use std::cmp::Ordering;

use super::digits;

pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    let (left, right) = (split_revision(left.trim_ascii()), split_revision(right.trim_ascii()));
    let has_token = |version: &str| Tokens(version).next().is_some();
    if !has_token(left.0) || !has_token(right.0) {
        return None;
    }
    Some(compare_tokens(left.0, right.0).then_with(|| digits::compare(left.1, right.1)))
}

/// `1.2.4_5` is revision 5 of 1.2.4.
fn split_revision(text: &str) -> (&str, &str) {
    match text.rsplit_once('_') {
        Some((version, revision)) if digits::only(revision) && !version.is_empty() => (version, revision),
        _ => (text, ""),
    }
}

/// A token; the words that begin a pre-release or patch carry their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Nothing,
    Number(&'a str),
    Word(&'a str),
    Phase(Phase, &'a str),
}

/// From the earliest to the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Alpha,
    Beta,
    Pre,
    Candidate,
    Patch,
    Post,
}

/// The tokens of a version, one after the other.
struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric();
        loop {
            let at = self.0.bytes().position(is_token)?;
            // A dot may belong to what follows it.
            let with_dot = at.checked_sub(1).filter(|dot| self.0.as_bytes()[*dot] == b'.').map(|dot| &self.0[dot..]);
            if let Some((number, rest)) = with_dot.and_then(|text| phase_after(text, ".post", 1)) {
                self.0 = rest;
                return Some(Token::Phase(Phase::Post, number));
            }
            self.0 = &self.0[at..];
            if let Some((phase, number, rest)) = phase(self.0) {
                self.0 = rest;
                return Some(Token::Phase(phase, number));
            }
            let (number, rest) = digits::split(self.0);
            if !number.is_empty() {
                self.0 = rest;
                return Some(Token::Number(number));
            }
            let word = digits::take(&mut self.0, |byte| byte.is_ascii_alphabetic());
            if !word.is_empty() {
                return Some(Token::Word(word));
            }
        }
    }
}

/// The phase that a text begins with, its number, and what is behind.
fn phase(text: &str) -> Option<(Phase, &str, &str)> {
    for (word, digits, phase) in [
        ("alpha", 0, Phase::Alpha),
        ("a", 1, Phase::Alpha),
        ("beta", 0, Phase::Beta),
        ("b", 1, Phase::Beta),
        ("pre", 0, Phase::Pre),
        ("rc", 0, Phase::Candidate),
        ("p", 0, Phase::Patch),
    ] {
        if let Some((number, rest)) = phase_after(text, word, digits) {
            return Some((phase, number, rest));
        }
    }
    None
}

/// The number behind a word, of at least so many digits.
fn phase_after<'a>(text: &'a str, word: &str, least: usize) -> Option<(&'a str, &'a str)> {
    let begin = text.get(..word.len())?;
    let (number, rest) = digits::split(&text[word.len()..]);
    (begin.eq_ignore_ascii_case(word) && number.len() >= least).then_some((number, rest))
}

fn compare_tokens(left: &str, right: &str) -> Ordering {
    let (mut lefts, mut rights) = (Tokens(left), Tokens(right));
    let (mut left, mut right) = (lefts.next(), rights.next());
    while left.is_some() || right.is_some() {
        let (one, other) = (left.unwrap_or(Token::Nothing), right.unwrap_or(Token::Nothing));
        let order = one.compare(other);
        match (one, other) {
            _ if order.is_eq() => (left, right) = (lefts.next(), rights.next()),
            (Token::Number(_), Token::Number(_)) => return order,
            // A number against a word: a number that says something is later, a zero is passed over.
            (Token::Number(number), _) => {
                if digits::compare(number, "0").is_gt() {
                    return Ordering::Greater;
                }
                left = lefts.next();
            }
            (_, Token::Number(number)) => {
                if digits::compare(number, "0").is_gt() {
                    return Ordering::Less;
                }
                right = rights.next();
            }
            _ => return order,
        }
    }
    Ordering::Equal
}

impl Token<'_> {
    fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Nothing, Self::Nothing) => Ordering::Equal,
            (Self::Number(left), Self::Number(right)) => digits::compare(left, right),
            (Self::Number(number), Self::Nothing) => digits::compare(number, "0"),
            (Self::Nothing, Self::Number(number)) => digits::compare("0", number),
            // What comes before a release is earlier than nothing, what comes after it later.
            (Self::Phase(phase, _), Self::Nothing) if phase <= Phase::Candidate => Ordering::Less,
            (Self::Nothing, Self::Phase(phase, _)) if phase <= Phase::Candidate => Ordering::Greater,
            (Self::Nothing, _) => Ordering::Less,
            (_, Self::Nothing) | (Self::Number(_), _) => Ordering::Greater,
            (_, Self::Number(_)) => Ordering::Less,
            (Self::Phase(left, left_number), Self::Phase(right, right_number)) => {
                left.cmp(&right).then_with(|| digits::compare(left_number, right_number))
            }
            (Self::Word(left), Self::Word(right)) => left.cmp(right),
            (Self::Word(left), Self::Phase(phase, _)) => left.cmp(phase.word()),
            (Self::Phase(phase, _), Self::Word(right)) => phase.word().cmp(right),
        }
    }
}

impl Phase {
    /// How it is ordered among other words.
    fn word(self) -> &'static str {
        match self {
            Self::Alpha => "alpha",
            Self::Beta => "beta",
            Self::Pre => "pre",
            Self::Candidate => "rc",
            Self::Patch => "p",
            Self::Post => ".post",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_homebrews_own_tests_are_in_order() {
        // From Library/Homebrew/test/version_spec.rb and pkg_version_spec.rb.
        for (left, right) in [
            ("0.1", "0.2"),
            ("1.2.3", "1.2.4"),
            ("1.2", "1.2.3"),
            ("1.2.3alpha", "1.2.3"),
            ("1.2.3alpha1", "1.2.3alpha2"),
            ("1.2.3alpha4", "1.2.3beta1"),
            ("1.2.3beta3", "1.2.3pre9"),
            ("1.2.3pre9", "1.2.3rc2"),
            ("1.2.3rc2", "1.2.3"),
            ("1.2.3", "1.2.3-p34"),
            ("1.2.3-p33", "1.2.3-p34"),
            ("1.2.3", "1.2.3.post34"),
            ("1.2.3.post33", "1.2.3.post34"),
            ("1.0", "1.0_1"),
            ("1.0_1", "1.1"),
            ("1.0_1", "2.0"),
            ("5.14.0", "5.15.0-rc1"),
            ("2015-01-01", "2015-02-01"),
        ] {
            assert_eq!(compare(left, right), Some(Ordering::Less), "{left} {right}");
            assert_eq!(compare(right, left), Some(Ordering::Greater), "{left} {right}");
        }
        for (left, right) in [("1.2.0", "1.2"), ("1.0_0", "1.0"), ("1.2.0.0", "1.2")] {
            assert_eq!(compare(left, right), Some(Ordering::Equal), "{left} {right}");
        }
        assert_eq!(compare("-", "1"), None);
    }
}
