//! Names of images as docker reads them (distribution/reference: `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`).

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use thiserror::Error;

use crate::Digest;

/// The registry that a name without one means.
const DEFAULT_REGISTRY: &str = "docker.io";
/// Another name of it, from docker's early days.
const LEGACY_DEFAULT_REGISTRY: &str = "index.docker.io";
/// Where the default registry answers.
const DEFAULT_REGISTRY_HOST: &str = "registry-1.docker.io";
/// The namespace of a single word at the default registry.
const OFFICIAL: &str = "library";
/// The tag that a name without tag and digest means.
const DEFAULT_TAG: &str = "latest";
/// Longest path and tag, as distribution/reference has them.
const PATH_BYTES: usize = 255;
const TAG_BYTES: usize = 128;
/// Longest host name (RFC 1035), with room for a port.
const HOST_BYTES: usize = 255 + 6;

/// Longer than host, path, tag and digest can be together.
const TEXT_BYTES: usize = 1024;

/// A name that has been made whole: registry and repository are always there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// `HOST[:PORT]` in lower case; `docker.io` where none was written.
    pub registry: String,
    /// The path in the registry; `library/` is put before a single word at docker.io.
    pub repository: String,
    /// The tag; none when only a digest was written.
    pub tag: Option<String>,
    /// The digest; with a tag beside it, the digest decides.
    pub digest: Option<Digest>,
}

/// Why a text is no name of an image.
#[derive(Debug, Error)]
#[error("{text:?} is not an image reference: {reason}")]
pub struct ReferenceError {
    /// What was given, at most its first 200 characters.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Reference {
    /// `REGISTRY/REPOSITORY`, what policy patterns are held against.
    pub fn repository_name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// The `HOST[:PORT]` that answers for the registry: docker.io's is another one.
    pub fn registry_host(&self) -> &str {
        if self.registry == DEFAULT_REGISTRY { DEFAULT_REGISTRY_HOST } else { &self.registry }
    }

    /// What stands behind `/manifests/` in a registry's address: the digest, else the tag.
    pub fn tag_or_digest(&self) -> &str {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.as_str(),
            (None, Some(tag)) => tag,
            (None, None) => DEFAULT_TAG,
        }
    }

    /// The same repository with this digest instead of tag and digest.
    #[must_use]
    pub fn at(&self, digest: Digest) -> Self {
        Self { tag: None, digest: Some(digest), ..self.clone() }
    }

    /// The short form that docker shows: `debian:12` for `docker.io/library/debian:12`. Parsed again, it is the same
    /// reference.
    pub fn familiar(&self) -> String {
        let official = || self.repository.strip_prefix(OFFICIAL)?.strip_prefix('/').filter(|name| !name.contains('/'));
        let name = if self.registry == DEFAULT_REGISTRY {
            official().unwrap_or(&self.repository).to_owned()
        } else {
            self.repository_name()
        };
        let short = format!("{name}{}", Suffix(self));
        // A repository at docker.io may look like a registry (`docker.io/a.b/c`); it keeps its long form.
        if short.parse::<Self>().is_ok_and(|parsed| parsed == *self) { short } else { self.to_string() }
    }
}

/// `[:TAG][@DIGEST]`.
struct Suffix<'a>(&'a Reference);

impl fmt::Display for Suffix<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(tag) = &self.0.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.0.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}{}", self.registry, self.repository, Suffix(self))
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        parse(text).map_err(|reason| ReferenceError { text: text.chars().take(200).collect(), reason })
    }
}

/// The order of steps is that of distribution/reference's `ParseNormalizedNamed`.
fn parse(text: &str) -> Result<Reference, String> {
    if text.is_empty() {
        return Err("it is empty; write a name such as debian:12".into());
    }
    if text.len() > TEXT_BYTES {
        return Err(format!("it has {} characters, more than any reference", text.len()));
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        return Err(format!("a reference has no {scheme:?} before it; write {rest:?}"));
    }
    if text.len() == 64 && text.bytes().all(is_lower_hex) {
        return Err(format!(
            "64 hex digits are an image id, not a name; to name it by digest, write NAME@sha256:{text}"
        ));
    }
    if let Some(hex) = text.strip_prefix("sha256:")
        && hex.len() == 64
        && hex.bytes().all(is_lower_hex)
    {
        return Err(format!("a digest alone says not where its image is; write NAME@{text}"));
    }
    let (named, digest) = match text.split_once('@') {
        Some((named, digest)) => (named, Some(digest.parse::<Digest>().map_err(|error| error.to_string())?)),
        None => (text, None),
    };
    let (registry, rest) = split_registry(named)?;
    let (path, tag) = match rest.split_once(':') {
        Some((path, tag)) => (path, Some(tag)),
        None => (rest, None),
    };
    check_path(path)?;
    tag.map_or(Ok(()), check_tag)?;
    let repository = if registry == DEFAULT_REGISTRY && !path.contains('/') {
        format!("{OFFICIAL}/{path}")
    } else {
        path.to_owned()
    };
    if repository.len() > PATH_BYTES {
        return Err(format!("the repository is longer than {PATH_BYTES} characters"));
    }
    let tag = match (tag, &digest) {
        (None, None) => Some(DEFAULT_TAG),
        (tag, _) => tag,
    };
    Ok(Reference { registry, repository, tag: tag.map(str::to_owned), digest })
}

/// The first part is a registry if it could not be part of a path: it has a dot or a port, or is `localhost`.
///
/// Docker also takes a part with capitals as a registry and then cannot find it; here that is refused with a reason.
/// Hosts are lower-cased, so that a policy's pattern cannot be got round by writing `Registry.Example.com`.
fn split_registry(named: &str) -> Result<(String, &str), String> {
    let Some((first, rest)) = named.split_once('/') else {
        return Ok((DEFAULT_REGISTRY.to_owned(), named));
    };
    if first == "localhost" || first.contains(['.', ':']) {
        check_host(first)?;
        let host = with_plain_address(first.to_ascii_lowercase());
        let is_default = host == LEGACY_DEFAULT_REGISTRY;
        return Ok((if is_default { DEFAULT_REGISTRY.to_owned() } else { host }, rest));
    }
    Ok((DEFAULT_REGISTRY.to_owned(), named))
}

/// An IPv6 address in its one spelling (RFC 5952), for the same reason.
fn with_plain_address(host: String) -> String {
    let literal = host.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    match literal.and_then(|(address, port)| Some((address.parse::<Ipv6Addr>().ok()?, port))) {
        Some((address, port)) => format!("[{address}]{port}"),
        None => host,
    }
}

/// Whether resolvers and URL parsers take a host for an IPv4 address (WHATWG URL, "ends in a number"): `127.1`,
/// `0x7f000001` and `017700000001` are 127.0.0.1 to them.
fn is_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_hex = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    last.bytes().all(|byte| byte.is_ascii_digit()) || hex.is_some_and(is_hex)
}

/// `domain-name`, IPv4 or `[IPv6]`, with or without a port.
fn check_host(host: &str) -> Result<(), String> {
    let refuse = || Err(format!("{host:?} is not a registry; a registry is HOST or HOST:PORT"));
    if host.len() > HOST_BYTES {
        return refuse();
    }
    let (name, port) = match host.strip_prefix('[') {
        Some(literal) => {
            let Some((address, port)) = literal.split_once(']') else { return refuse() };
            let Some(parsed) = address.parse::<Ipv6Addr>().ok().filter(|_| !address.contains('.')) else {
                return refuse();
            };
            if let Some(plain) = parsed.to_ipv4_mapped() {
                return Err(format!("{host:?} is another spelling of {plain}; write that"));
            }
            (None, if port.is_empty() { None } else { Some(port.strip_prefix(':').unwrap_or("x")) })
        }
        None => match host.split_once(':') {
            Some((name, port)) => (Some(name), Some(port)),
            None => (Some(host), None),
        },
    };
    let is_label = |label: &str| {
        label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.is_some_and(|name| !name.split('.').all(is_label)) {
        return refuse();
    }
    // A policy's pattern must not be got round by another spelling of an address.
    if name.is_some_and(|name| is_number(name) && name.parse::<Ipv4Addr>().is_err()) {
        return Err(format!(
            "{host:?} is no address; write all four numbers of it, in decimal and without zeros before them"
        ));
    }
    match port {
        Some(port) if !port.bytes().all(|byte| byte.is_ascii_digit()) || port.parse::<u16>().is_err() => refuse(),
        _ => Ok(()),
    }
}

/// `path-component ['/' path-component]*`, each `[a-z0-9]+` with `.`, `_`, `__` or dashes between.
fn check_path(path: &str) -> Result<(), String> {
    if path.is_empty() {
        return Err("the repository's name is missing".into());
    }
    if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
        let lower = path.to_ascii_lowercase();
        // What is no name in lower case either is told that instead.
        check_path(&lower)?;
        return Err(format!("a repository's name must be lower case; write {lower:?}"));
    }
    for component in path.split('/') {
        check_component(component)?;
    }
    Ok(())
}

fn check_component(component: &str) -> Result<(), String> {
    if component.is_empty() {
        return Err("the repository's name has an empty part; parts are separated by a single slash".into());
    }
    if let Some(odd) = component.chars().find(|&byte| !matches!(byte, 'a'..='z' | '0'..='9' | '.' | '_' | '-')) {
        return Err(format!("{odd:?} cannot be part of a repository's name; a-z, 0-9, '.', '_' and '-' can"));
    }
    let mut separators = component.split(|byte: char| byte.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    let is_separator =
        |separator: &str| matches!(separator, "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-');
    let starts_and_ends_well = [component.chars().next(), component.chars().next_back()]
        .into_iter()
        .flatten()
        .all(|edge| edge.is_ascii_alphanumeric());
    if !starts_and_ends_well || !separators.all(is_separator) {
        return Err(format!(
            "{component:?} is no part of a repository's name: it must begin and end with a letter or digit, with one \
             '.', one or two '_' or any number of '-' between them"
        ));
    }
    Ok(())
}

/// `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`.
fn check_tag(tag: &str) -> Result<(), String> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut bytes = tag.bytes();
    let is_tag = bytes.next().is_some_and(is_word) && bytes.all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'));
    if is_tag && tag.len() <= TAG_BYTES {
        return Ok(());
    }
    Err(format!(
        "{tag:?} is not a tag; a tag has 1 to {TAG_BYTES} letters, digits, '_', '.' or '-' and begins with neither '.' nor '-'"
    ))
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}
