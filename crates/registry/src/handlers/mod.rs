//! What answers, one file a kind of thing.

pub(crate) mod blobs;
pub(crate) mod lists;
pub(crate) mod manifests;
pub(crate) mod signing;
pub(crate) mod uploads;

use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, header};
use image::Digest;

use crate::error::{Code, Refusal};

/// docker's name for the digest of what is served.
pub(crate) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// A header's value from text that is made of names and digests.
pub(crate) fn value(text: &str) -> HeaderValue {
    // Names and digests are checked to be printable ASCII long before they come here.
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("invalid"))
}

/// The same for a digest.
pub(crate) fn digest_value(digest: &Digest) -> HeaderValue {
    value(digest.as_str())
}

/// A parameter of the query; the first of its name.
pub(crate) fn parameter(request: &Parts, name: &str) -> Result<Option<String>, Refusal> {
    let malformed = || Refusal::new(Code::NameInvalid, "the query after ? is malformed");
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&request.uri).map_err(|_| malformed())?;
    Ok(pairs.0.into_iter().find_map(|(key, value)| (key == name).then_some(value)))
}

/// A header as text.
pub(crate) fn header_text(request: &Parts, name: HeaderName) -> Option<&str> {
    request.headers.get(name)?.to_str().ok()
}

/// What the request says of its body's length; `None` where it comes in chunks.
pub(crate) fn content_length(request: &Parts) -> Option<u64> {
    header_text(request, header::CONTENT_LENGTH)?.parse().ok()
}
