//! Which repositories a rule is about.
//!
//! A pattern is a repository's whole name, registry first, in which `*` stands for any characters within one segment
//! (alone: for exactly one segment) and `**`, alone in its segment, for any number of segments, none included:
//!
//! | pattern | matches | does not |
//! |---|---|---|
//! | `registry.example.com/payments/**` | `…/payments`, `…/payments/api`, `…/payments/api/debug` | `…/payments-old` |
//! | `registry.example.com/*/api` | `…/payments/api` | `…/api`, `…/eu/payments/api` |
//! | `*.example.com/team-*/**` | `eu.example.com/team-a/x` | `example.com/team-a/x` |
//! | `docker.io/debian` | `docker.io/library/debian` (as docker itself completes it) | `docker.io/team/debian` |
//! | `**` | everything | |
//!
//! The registry must be written. A pattern `payments/**` that silently meant docker.io, or matched nothing, would be a
//! rule that its author believes in and nobody is held to.

mod relation;

use std::fmt;
use std::str::FromStr;

/// A checked and normalised pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    text: String,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Segment {
    /// `**`.
    Any,
    /// One segment; `*` in it stands for any characters.
    One(String),
}

/// Why a text is no pattern: what is wrong and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(String);

/// Longer than any repository name that a registry takes (255, and a host name of 253).
const LONGEST: usize = 512;

impl Pattern {
    /// Whether the pattern matches a repository (`registry.example.com/payments/api`).
    pub fn matches(&self, repository: &str) -> bool {
        let repository = normalise(repository);
        let segments: Vec<&str> = repository.split('/').collect();
        covers(&self.segments, &segments)
    }

    /// The pattern as it was normalised.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        check(text).map_err(PatternError)?;
        let text = normalise(text);
        let segments = text
            .split('/')
            .map(|segment| if segment == "**" { Segment::Any } else { Segment::One(segment.to_owned()) })
            .collect();
        Ok(Self { text, segments })
    }
}

/// A repository's name (or a pattern) in the one spelling that is compared: the registry in lower case and without the
/// port that it has anyway, Docker Hub as `docker.io`, and `library/` before a single word there. A rule cannot be got
/// round by writing the same registry otherwise.
pub fn normalise(name: &str) -> String {
    let Some((registry, path)) = name.split_once('/') else {
        return name.to_owned();
    };
    let registry = with_plain_address(with_plain_port(registry.to_ascii_lowercase()));
    match registry.as_str() {
        "docker.io" | "index.docker.io" | "registry-1.docker.io" => {
            let library = if path.contains('/') || path == "**" { "" } else { "library/" };
            format!("docker.io/{library}{path}")
        }
        _ => format!("{registry}/{path}"),
    }
}

/// An IPv6 address as references have it.
fn with_plain_address(registry: String) -> String {
    let literal = registry.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    match literal.and_then(|(address, port)| Some((address.parse::<std::net::Ipv6Addr>().ok()?, port))) {
        Some((address, port)) => format!("[{address}]{port}"),
        None => registry,
    }
}

/// Without `:443`, which a registry that speaks TLS has without its being written, and without zeros before another
/// port's number.
fn with_plain_port(registry: String) -> String {
    match registry.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            match port.trim_start_matches('0') {
                "443" => host.to_owned(),
                port => format!("{host}:{port}"),
            }
        }
        _ => registry,
    }
}

fn check(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("the pattern is empty; write \"**\" for every image, or REGISTRY/REPOSITORY such as \
                    \"registry.example.com/payments/**\""
            .into());
    }
    if text.len() > LONGEST {
        return Err(format!(
            "the pattern is {} characters long; {LONGEST} is the most that a name can have",
            text.len()
        ));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-:/*@[]".contains(c);
    if let Some(wrong) = text.chars().find(|c| !allowed(*c)) {
        return Err(format!(
            "{text:?} holds {wrong:?}, which no repository has in its name; patterns are names with `*` and `**`"
        ));
    }
    if let Some((_, name)) = text.split_once("://") {
        return Err(format!("{text:?} is an address; a pattern begins with the registry: write {name:?}"));
    }
    if text.contains('@') {
        return Err(format!("{text:?} holds a digest; a rule is about repositories: leave out what begins with `@`"));
    }
    let segments: Vec<&str> = text.split('/').collect();
    if segments.iter().any(|segment| segment.is_empty()) {
        return Err(format!(
            "{text:?} has an empty part; write names with single slashes between them, none at the ends"
        ));
    }
    if let Some(wrong) = segments.iter().find(|segment| segment.contains("**") && **segment != "**") {
        return Err(format!(
            "`**` must stand alone between slashes, but {wrong:?} has more beside it; `*` is for within a part"
        ));
    }
    let (registry, path) = (segments[0], &segments[1..]);
    if path.iter().any(|segment| segment.contains(':')) {
        return Err(format!("{text:?} holds a tag; a rule is about repositories: leave out what begins with `:`"));
    }
    if path.iter().any(|segment| segment.contains(|c: char| c.is_ascii_uppercase() || c == '[' || c == ']')) {
        return Err(format!("{text:?} can match nothing: repositories are written in lower case, without brackets"));
    }
    if registry != "**" {
        let is_registry = registry.contains(['.', ':', '*']) || registry.eq_ignore_ascii_case("localhost");
        if !is_registry {
            return Err(format!(
                "{text:?} does not begin with a registry; write \"docker.io/{text}\" for Docker Hub's, or \"**/{text}\" \
                 for every registry's"
            ));
        }
        if path.is_empty() {
            return Err(format!("{text:?} names no repository; write \"{text}/**\" for all of the registry's"));
        }
    }
    Ok(())
}

/// Whether the pattern's segments cover the name's. Greedy with one step back to the last `**`: at most
/// (segments of the pattern) × (segments of the name) comparisons, whatever the pattern.
fn covers(pattern: &[Segment], name: &[&str]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(Segment::Any) => {
                retry = Some((p + 1, n));
                p += 1;
            }
            Some(Segment::One(wanted)) if covers_within(wanted.as_bytes(), name[n].as_bytes()) => {
                p += 1;
                n += 1;
            }
            _ => match retry {
                Some((after, taken)) => {
                    retry = Some((after, taken + 1));
                    (p, n) = (after, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|segment| *segment == Segment::Any)
}

/// The same within one segment, where `*` stands for any bytes. A `*` that is the whole segment stands for at least
/// one, which names without empty segments give it.
fn covers_within(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(wanted) if *wanted == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((after, taken)) => {
                    retry = Some((after, taken + 1));
                    (p, t) = (after, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, repository: &str) -> bool {
        pattern.parse::<Pattern>().unwrap_or_else(|error| panic!("{pattern}: {error}")).matches(repository)
    }

    #[test]
    fn two_stars_stand_for_any_number_of_segments_and_none() {
        let pattern = "registry.example.com/payments/**";
        for name in ["payments", "payments/api", "payments/api/debug/x"] {
            assert!(matches(pattern, &format!("registry.example.com/{name}")), "{name}");
        }
        assert!(!matches(pattern, "registry.example.com/payments-old"));
        assert!(!matches(pattern, "registry.example.com/old/payments"));
        assert!(!matches(pattern, "registry.example.org/payments/api"));
        assert!(matches("**", "docker.io/library/debian"));
        assert!(matches("**/api", "registry.example.com/team/api"));
        assert!(matches("r.io/**/x/**/y", "r.io/a/x/b/x/c/y"));
        assert!(!matches("r.io/**/x/**/y", "r.io/a/x/b/x/c/z"));
    }

    #[test]
    fn one_star_stays_within_its_segment() {
        assert!(matches("r.io/*/api", "r.io/payments/api"));
        assert!(!matches("r.io/*/api", "r.io/api"));
        assert!(!matches("r.io/*/api", "r.io/eu/payments/api"));
        assert!(matches("*.r.io/team-*/x", "eu.r.io/team-a/x"));
        assert!(!matches("*.r.io/team-*/x", "r.io/team-a/x"));
        assert!(!matches("r.io/team-*", "r.io/team-a/x"));
    }

    #[test]
    fn docker_hub_has_one_name_and_completes_single_words() {
        for pattern in ["docker.io/debian", "index.docker.io/debian", "Docker.IO/library/debian", "docker.io/deb*"] {
            for name in ["docker.io/library/debian", "docker.io/debian", "index.docker.io/library/debian"] {
                assert!(matches(pattern, name), "{pattern} {name}");
            }
        }
        assert!(!matches("docker.io/debian", "docker.io/team/debian"));
        assert!(!matches("docker.io/*", "docker.io/team/debian"));
        assert!(matches("docker.io/**", "docker.io/team/debian"));
        assert!(matches("docker.io/**", "docker.io/debian"));
    }

    #[test]
    fn a_registry_has_a_port_and_no_case() {
        assert!(matches("localhost:5000/**", "localhost:5000/demo"));
        assert!(!matches("localhost:5000/**", "localhost:5001/demo"));
        assert!(matches("Registry.Example.COM/x", "registry.example.com/x"));
        assert!(matches("[::1]:5000/x", "[::1]:5000/x"));
    }
    #[test]
    fn a_rule_is_not_got_round_by_writing_the_port_that_a_registry_has_anyway() {
        for (pattern, name) in [
            ("registry.example.com/**", "registry.example.com:443/payments"),
            ("registry.example.com/**", "registry.example.com:0443/payments"),
            ("registry.example.com:443/**", "registry.example.com/payments"),
            ("registry.example.com:5000/**", "registry.example.com:05000/payments"),
            ("docker.io/debian", "registry-1.docker.io:443/library/debian"),
            ("[::1]/**", "[::1]:443/x"),
            ("[0:0::1]:5000/**", "[::1]:5000/x"),
            ("[::1]:5000/**", "[0:0:0:0:0:0:0:1]:5000/x"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        assert!(!matches("registry.example.com/**", "registry.example.com:8443/payments"));
    }
}
