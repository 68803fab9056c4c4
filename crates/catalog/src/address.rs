//! The addresses of pages.
//!
//! Repository names have slashes in them, so that something must say where a name ends. That is `/-/`: no part of a
//! repository's name begins with a dash (OCI distribution-spec, "Pulling manifests").
//!
//! | page | address | the same as JSON |
//! |---|---|---|
//! | repositories | `/` | `/api/v1/repositories` |
//! | a repository's tags | `/r/payments/api` | `/api/v1/repositories/payments/api` |
//! | where a tag points now | `/r/payments/api/-/tags/1.2` | – (the tag's list tells) |
//! | an image's report | `/r/payments/api/-/images/sha256:…` | `/api/v1/repositories/payments/api/-/images/sha256:…` |
//! | its packages | `…/packages` | `…/packages` |
//! | a vulnerability | `/cve/CVE-2026-1234` | `/api/v1/cve/CVE-2026-1234` |

use std::fmt::Write as _;

use image::Digest;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What may stand in a path's segment as it is (RFC 3986, `pchar`, without what HTML or a shell would trip over).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

/// Longest name of a repository with its registry, as registries agree on.
const LONGEST_REPOSITORY: usize = 255;

/// The list of repositories.
pub const OVERVIEW: &str = "/";

/// A page below `/r/`, as its path says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A repository's tags.
    Repository(String),
    /// What a tag points to.
    Tag(String, String),
    /// An image's report.
    Image(String, Digest),
    /// An image's packages.
    Packages(String, Digest),
}

/// A repository's page.
pub fn repository(name: &str) -> String {
    let segments: Vec<String> = name.split('/').map(segment).collect();
    format!("/r/{}", segments.join("/"))
}

/// A tag's page, which leads to the image that it points to.
pub fn tag(name: &str, tag: &str) -> String {
    format!("{}/-/tags/{}", repository(name), segment(tag))
}

/// An image's report.
pub fn image(name: &str, digest: &Digest) -> String {
    format!("{}/-/images/{digest}", repository(name))
}

/// An image's packages.
pub fn packages(name: &str, digest: &Digest) -> String {
    format!("{}/packages", image(name, digest))
}

/// A vulnerability's page.
pub fn vulnerability(id: &str) -> String {
    format!("/cve/{}", segment(id))
}

/// An address with a query; pairs with an empty value are left out.
pub(crate) fn with_query(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut address = path.to_owned();
    for (number, (key, value)) in pairs.iter().filter(|(_, value)| !value.is_empty()).enumerate() {
        let separator = if number == 0 { '?' } else { '&' };
        // Writing to a string cannot fail.
        let _ = write!(address, "{separator}{}={}", segment(key), segment(value));
    }
    address
}

/// Reads the path below `/r/` (percent-decoded); `None` where no page can be there.
pub(crate) fn place(path: &str) -> Option<Place> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let (name, rest) = match path.split_once("/-/") {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    if !is_repository(name) {
        return None;
    }
    let name = name.to_owned();
    let Some(rest) = rest else { return Some(Place::Repository(name)) };
    let parts: Vec<&str> = rest.split('/').collect();
    match parts.as_slice() {
        ["tags", tag] if is_tag(tag) => Some(Place::Tag(name, (*tag).to_owned())),
        ["images", digest] => Some(Place::Image(name, digest.parse().ok()?)),
        ["images", digest, "packages"] => Some(Place::Packages(name, digest.parse().ok()?)),
        _ => None,
    }
}

/// Whether a text can be a repository's name: lower-case words with separators between them, joined by slashes.
pub(crate) fn is_repository(name: &str) -> bool {
    let word = |part: &str| {
        let alphanumeric = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let bytes = part.as_bytes();
        alphanumeric(bytes.first())
            && alphanumeric(bytes.last())
            && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(b))
    };
    name.len() <= LONGEST_REPOSITORY && name.split('/').all(word)
}

/// Whether a text can be a tag.
pub(crate) fn is_tag(tag: &str) -> bool {
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    tag.len() <= 128
        && tag.as_bytes().first().is_some_and(word)
        && tag.bytes().all(|byte| word(&byte) || b".-".contains(&byte))
}

fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest() -> Digest {
        Digest::sha256(b"x")
    }

    #[test]
    fn every_address_is_read_back() {
        let name = "payments/eu/api";
        let below = |address: String| address.strip_prefix("/r/").map(ToOwned::to_owned).unwrap();
        assert_eq!(place(&below(repository(name))), Some(Place::Repository(name.into())));
        assert_eq!(place(&below(tag(name, "v1.2_x"))), Some(Place::Tag(name.into(), "v1.2_x".into())));
        assert_eq!(place(&below(image(name, &digest()))), Some(Place::Image(name.into(), digest())));
        assert_eq!(place(&below(packages(name, &digest()))), Some(Place::Packages(name.into(), digest())));
    }

    #[test]
    fn what_is_no_name_is_no_place() {
        for path in
            ["", "/", "A", "a//b", "a/-/", "a/-/images/sha256:1", "a/-/tags/", "a/-/tags/..", "-/x", "../x", "a/.."]
        {
            assert_eq!(place(path), None, "{path:?}");
        }
        assert_eq!(place(&"a/".repeat(200)), None);
    }

    #[test]
    fn an_id_cannot_leave_its_segment_or_its_attribute() {
        assert_eq!(vulnerability("../x?y#z\"><script>"), "/cve/..%2Fx%3Fy%23z%22%3E%3Cscript%3E");
        assert_eq!(with_query("/", &[("after", "a&b=c"), ("page", "")]), "/?after=a%26b%3Dc");
    }
}
