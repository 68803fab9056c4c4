//! Python's order (PEP 440, "Summary of permitted suffixes and relative ordering", and its appendix B for reading).
//!
//! Versions from before PEP 440 still stand in advisories. They sort before all others, among themselves as
//! setuptools did it: words and numbers in turn, with `pre`, `rc` and `dev` in their places.

use std::cmp::Ordering;

use super::digits;

pub(super) fn compare(left: &str, right: &str) -> Option<Ordering> {
    let (left, right) = (left.trim_ascii(), right.trim_ascii());
    if left.is_empty() || right.is_empty() {
        return None;
    }
    Some(match (Version::parse(left), Version::parse(right)) {
        (Some(left), Some(right)) => left.compare(&right),
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (None, None) => legacy_key(left).cmp(&legacy_key(right)),
    })
}

/// Whether a text is a version by PEP 440.
pub(super) fn is_version(text: &str) -> bool {
    Version::parse(text.trim_ascii()).is_some()
}

/// A version's parts, borrowed from its text; numbers are kept as digits, for they may be of any length.
struct Version<'a> {
    epoch: &'a str,
    release: &'a str,
    pre: Option<(Phase, &'a str)>,
    post: Option<&'a str>,
    dev: Option<&'a str>,
    local: Option<&'a str>,
}

/// The phase of a pre-release.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Alpha,
    Beta,
    Candidate,
}

impl<'a> Version<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut rest = Rest(text);
        rest.word(&["v"]);
        let mut epoch = "";
        let mut begin = text.len() - rest.0.len();
        let number = rest.digits()?;
        if rest.symbol('!') {
            epoch = number;
            begin = text.len() - rest.0.len();
            rest.digits()?;
        }
        while rest.dotted_number() {}
        let release = &text[begin..text.len() - rest.0.len()];
        let pre = rest.marked(&[
            ("alpha", Phase::Alpha),
            ("a", Phase::Alpha),
            ("beta", Phase::Beta),
            ("b", Phase::Beta),
            ("preview", Phase::Candidate),
            ("pre", Phase::Candidate),
            ("rc", Phase::Candidate),
            ("c", Phase::Candidate),
        ]);
        let post = rest
            .implicit_post()
            .or_else(|| rest.marked(&[("post", ()), ("rev", ()), ("r", ())]).map(|((), number)| number));
        let dev = rest.marked(&[("dev", ())]).map(|((), number)| number);
        let local = if rest.symbol('+') { Some(rest.local()?) } else { None };
        rest.0.is_empty().then_some(Self { epoch, release, pre, post, dev, local })
    }

    fn compare(&self, other: &Self) -> Ordering {
        digits::compare(self.epoch, other.epoch)
            .then_with(|| compare_release(self.release, other.release))
            .then_with(|| compare_pre(&self.pre_key(), &other.pre_key()))
            .then_with(|| compare_absent_first(self.post, other.post))
            // Without `.dev` comes after with.
            .then_with(|| match (self.dev, other.dev) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (Some(left), Some(right)) => digits::compare(left, right),
            })
            .then_with(|| match (self.local, other.local) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Less,
                (Some(_), None) => Ordering::Greater,
                (Some(left), Some(right)) => compare_local(left, right),
            })
    }

    /// `1.0.dev1` comes before `1.0a1`, though it has no pre-release phase.
    fn pre_key(&self) -> PreKey<'a> {
        match (self.pre, self.post, self.dev) {
            (Some((phase, number)), _, _) => PreKey::Phase(phase, number),
            (None, None, Some(_)) => PreKey::DevelopmentOnly,
            (None, _, _) => PreKey::Final,
        }
    }
}

enum PreKey<'a> {
    DevelopmentOnly,
    Phase(Phase, &'a str),
    Final,
}

fn compare_pre(left: &PreKey<'_>, right: &PreKey<'_>) -> Ordering {
    let rank = |key: &PreKey<'_>| match key {
        PreKey::DevelopmentOnly => 0,
        PreKey::Phase(..) => 1,
        PreKey::Final => 2,
    };
    match (left, right) {
        (PreKey::Phase(left, left_number), PreKey::Phase(right, right_number)) => {
            left.cmp(right).then_with(|| digits::compare(left_number, right_number))
        }
        _ => rank(left).cmp(&rank(right)),
    }
}

fn compare_absent_first(left: Option<&str>, right: Option<&str>) -> Ordering {
    match (left, right) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (Some(left), Some(right)) => digits::compare(left, right),
    }
}

/// Absent numbers are zero.
fn compare_release(left: &str, right: &str) -> Ordering {
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

/// Numbers come after words; words compare without case; more parts come after fewer.
fn compare_local(left: &str, right: &str) -> Ordering {
    let separators = ['.', '-', '_'];
    let (mut left, mut right) = (left.split(separators), right.split(separators));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(left), Some(right)) => match (digits::only(left), digits::only(right)) {
                (true, true) => digits::compare(left, right),
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => left
                    .bytes()
                    .map(|byte| byte.to_ascii_lowercase())
                    .cmp(right.bytes().map(|byte| byte.to_ascii_lowercase())),
            },
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// What is still to be read.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn symbol(&mut self, symbol: char) -> bool {
        self.0.strip_prefix(symbol).map(|rest| self.0 = rest).is_some()
    }

    fn separator(&mut self) -> bool {
        self.symbol('-') || self.symbol('_') || self.symbol('.')
    }

    fn digits(&mut self) -> Option<&'a str> {
        let (number, rest) = digits::split(self.0);
        (!number.is_empty()).then(|| {
            self.0 = rest;
            number
        })
    }

    fn word(&mut self, words: &[&str]) -> bool {
        words.iter().any(|word| {
            let found = self.0.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
            if found {
                self.0 = &self.0[word.len()..];
            }
            found
        })
    }

    fn dotted_number(&mut self) -> bool {
        let before = self.0;
        let found = self.symbol('.') && self.digits().is_some();
        if !found {
            self.0 = before;
        }
        found
    }

    /// `[-_.]?word[-_.]?number?`; an absent number is zero, also behind a separator (`1rc.` is `1rc0`).
    fn marked<T: Copy>(&mut self, words: &[(&str, T)]) -> Option<(T, &'a str)> {
        let before = self.0;
        self.separator();
        for (word, meaning) in words {
            if self.word(&[word]) {
                self.separator();
                let number = self.digits().unwrap_or_default();
                return Some((*meaning, number));
            }
        }
        self.0 = before;
        None
    }

    /// `-1` for `.post1`.
    fn implicit_post(&mut self) -> Option<&'a str> {
        let before = self.0;
        let found = if self.symbol('-') { self.digits() } else { None };
        if found.is_none() {
            self.0 = before;
        }
        found
    }

    /// `[a-z0-9]+([-_.][a-z0-9]+)*` to the end.
    fn local(&mut self) -> Option<&'a str> {
        let all = std::mem::take(&mut self.0);
        let fits = all
            .split(['.', '-', '_'])
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        fits.then_some(all)
    }
}

/// The text by which setuptools sorted a version before PEP 440.
fn legacy_key(text: &str) -> String {
    let text = text.to_ascii_lowercase();
    let mut parts: Vec<String> = Vec::new();
    let mut push = |part: &str| {
        let part = match part {
            "pre" | "preview" | "rc" => "c",
            "-" => "final-",
            "dev" => "@",
            other => other,
        };
        if part.starts_with(|first: char| first.is_ascii_digit()) {
            parts.push(format!("{part:0>8}"));
            return;
        }
        let part = format!("*{part}");
        if part.as_str() < "*final" {
            while parts.last().is_some_and(|last| last == "*final-") {
                parts.pop();
            }
        }
        while parts.last().is_some_and(|last| last == "00000000") {
            parts.pop();
        }
        parts.push(part);
    };
    let mut rest = text.as_str();
    while let Some(first) = rest.bytes().next() {
        let end = match first {
            b'0'..=b'9' => digits::split(rest).0.len(),
            b'a'..=b'z' => rest.bytes().position(|byte| !byte.is_ascii_lowercase()).unwrap_or(rest.len()),
            b'-' => 1,
            _ => 0,
        };
        if end == 0 {
            // A dot or something that no version has: it separates and says nothing.
            rest = &rest[rest.chars().next().map_or(1, char::len_utf8)..];
            continue;
        }
        push(&rest[..end]);
        rest = &rest[end..];
    }
    push("final");
    parts.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_own_order_holds() {
        let versions = [
            "1.dev0",
            "1.0.dev456",
            "1.0a1",
            "1.0a2.dev456",
            "1.0a12.dev456",
            "1.0a12",
            "1.0b1.dev456",
            "1.0b2",
            "1.0b2.post345.dev456",
            "1.0b2.post345",
            "1.0rc1.dev456",
            "1.0rc1",
            "1.0",
            "1.0+abc.5",
            "1.0+abc.7",
            "1.0+5",
            "1.0.post456.dev34",
            "1.0.post456",
            "1.0.15",
            "1.1.dev1",
            "1!0.1",
        ];
        for pair in versions.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Some(Ordering::Less), "{pair:?}");
        }
    }

    #[test]
    fn spellings_of_one_version_are_equal() {
        for (left, right) in [
            ("1.0", "1"),
            ("v1.0", "1.0.0"),
            ("1.0alpha", "1.0.a0"),
            ("1.0-1", "1.0.post1"),
            ("1.0-rev3", "1.0.post3"),
            ("1.0c1", "1.0-preview_1"),
            ("0!1.0", "1.0"),
            ("1.0+UBUNTU-1", "1.0+ubuntu.1"),
            ("1.1RC1", "1.1rc1"),
            ("1.1rc.", "1.1rc0"),
            ("1.1-r_.dev-", "1.1.post0.dev0"),
        ] {
            assert_eq!(compare(left, right), Some(Ordering::Equal), "{left} {right}");
        }
    }

    #[test]
    fn what_came_before_the_specification_sorts_before_it() {
        assert_eq!(compare("2.0-final-dev-x", "0.0.1"), Some(Ordering::Less));
        assert_eq!(compare("0.9-doduo", "0.9-eevee"), Some(Ordering::Less));
    }
}
