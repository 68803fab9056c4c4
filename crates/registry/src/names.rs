//! Names that a client may give: repositories and tags (distribution-spec, "Pulling manifests").

use std::fmt;
use std::str::FromStr;

use image::Digest;

use crate::error::{Code, Refusal};

/// Longest repository name. The specification has no limit, but its clients have this one with a host before it.
const LONGEST_NAME: usize = 255;

/// A repository's name: lower-case words, joined by `.`, `_`, `__` or hyphens, in parts separated by `/`.
///
/// Nothing in it can leave a folder, look like an option, or break out of a header or a page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RepositoryName(String);

/// A tag: at most 128 letters, digits, `_`, `.`, `-`, not starting with `.` or `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag(String);

/// What a manifest is asked for by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestReference {
    /// By tag.
    Tag(Tag),
    /// By digest.
    Digest(Digest),
}

impl RepositoryName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Tag {
    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RepositoryName {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        if text.len() <= LONGEST_NAME && text.split('/').all(is_part) {
            return Ok(Self(text.to_owned()));
        }
        Err(Refusal::new(
            Code::NameInvalid,
            format!(
                "{:?} is not a repository name; use lower-case letters, digits and single separators (. _ -) in parts \
                 divided by /, at most {LONGEST_NAME} characters",
                shortened(text)
            ),
        ))
    }
}

impl FromStr for Tag {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let mut bytes = text.bytes();
        let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let rest = bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        if first && rest && text.len() <= 128 {
            return Ok(Self(text.to_owned()));
        }
        Err(Refusal::new(
            Code::ManifestInvalid,
            format!(
                "{:?} is neither a tag (at most 128 letters, digits, . _ -) nor a digest (sha256:…)",
                shortened(text)
            ),
        ))
    }
}

impl FromStr for ManifestReference {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        // A tag has no colon, a digest always.
        if text.contains(':') { parse_digest(text).map(Self::Digest) } else { text.parse().map(Self::Tag) }
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for ManifestReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => formatter.write_str(&tag.0),
            Self::Digest(digest) => digest.fmt(formatter),
        }
    }
}

/// Reads a digest that a client wrote.
pub(crate) fn parse_digest(text: &str) -> Result<Digest, Refusal> {
    text.parse().map_err(|error: image::digest::DigestError| Refusal::new(Code::DigestInvalid, error.to_string()))
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_part(part: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    let separators = bytes.split(|byte| word(*byte)).filter(|separator| !separator.is_empty());
    word(*first)
        && word(*last)
        && separators
            .into_iter()
            .all(|separator| matches!(separator, b"." | b"_" | b"__") || separator.iter().all(|byte| *byte == b'-'))
}

fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_the_specification_are_taken() {
        for name in ["a", "0", "library/debian", "a.b_c__d-e---f/g", "a/b/c/d/e"] {
            assert!(name.parse::<RepositoryName>().is_ok(), "{name}");
        }
    }

    #[test]
    fn tricks_in_names_are_refused() {
        let long = "a".repeat(256);
        for name in [
            "", "/", "a/", "/a", "a//b", ".", "..", "a/../b", "a/./b", "A", "a_", "_a", "-a", "a-", "a..b", "a___b",
            "a._b", "é", "a b", "a%2fb", "a\0b", "a\nb", "a:b", "a@b", "~a", "a\\b", &long,
        ] {
            assert!(name.parse::<RepositoryName>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn tags_and_digests_are_told_apart() {
        assert!(matches!("v1.0-rc_1".parse(), Ok(ManifestReference::Tag(_))));
        let digest = format!("sha256:{}", "a".repeat(64));
        assert!(matches!(digest.parse(), Ok(ManifestReference::Digest(_))));
        let long = "a".repeat(129);
        for text in ["", ".a", "-a", "a b", "é", "sha256:abc", "sha256:", "a/b", &long] {
            assert!(text.parse::<ManifestReference>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_name_that_is_taken_matches_the_specification(name in "[a-z0-9._/-]{0,12}") {
            // The grammar once more, as a hand-written acceptor over the whole name.
            let mut state = 's';
            let mut accepted = true;
            for character in name.chars() {
                state = match (state, character) {
                    ('s' | 'w' | '.' | '_' | 'u' | '-', 'a'..='z' | '0'..='9') => 'w',
                    ('w', '.') => '.',
                    ('w', '_') => '_',
                    ('_', '_') => 'u',
                    ('w' | '-', '-') => '-',
                    ('w', '/') => 's',
                    _ => { accepted = false; break }
                };
            }
            prop_assert_eq!(name.parse::<RepositoryName>().is_ok(), accepted && state == 'w');
        }
    }
}
