//! Blobs: asked for, fetched whole or in part, taken out of a repository.

use std::io::{Seek, SeekFrom};

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use image::Digest;
use tokio::io::AsyncReadExt as _;
use tokio_util::io::ReaderStream;

use super::{CONTENT_DIGEST, digest_value, header_text, value};
use crate::error::{Code, Refusal};
use crate::names::RepositoryName;
use crate::registry::Registry;

/// Read at once from a file, each on a thread that may block.
const CHUNK: usize = 256 << 10;

/// `GET` and `HEAD` of a blob.
pub(crate) async fn get(
    registry: &Registry,
    repository: &RepositoryName,
    digest: &Digest,
    request: &Parts,
) -> Result<Response, Refusal> {
    if !registry.store.has_blob(repository.as_str(), digest).await? {
        return Err(unknown(repository, digest));
    }
    let blobs = registry.store.blobs().clone();
    let wanted = digest.clone();
    let opened = tokio::task::spawn_blocking(move || {
        let file = blobs.open(&wanted)?;
        let size = blobs.size(&wanted)?;
        Ok::<_, store::StoreError>(file.zip(size))
    });
    let Some((mut file, size)) = opened.await.map_err(|error| lost(&error))?? else {
        tracing::error!(%digest, %repository, "a blob is in the repository but not in the store");
        return Err(unknown(repository, digest));
    };
    let mut headers = describe(digest);
    let etag = format!("\"{digest}\"");
    if header_text(request, header::IF_NONE_MATCH).is_some_and(|given| given.split(',').any(|tag| tag.trim() == etag)) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let (status, range) = match range(request, size, &etag) {
        Asked::Whole => (StatusCode::OK, 0..size),
        Asked::Part(range) => {
            let text = format!("bytes {}-{}/{size}", range.start, range.end - 1);
            headers.insert(header::CONTENT_RANGE, value(&text));
            (StatusCode::PARTIAL_CONTENT, range)
        }
        Asked::Nothing => {
            let refusal =
                Refusal::new(Code::RangeInvalid, format!("the blob has {size} bytes, none of them asked for"));
            return Err(refusal.with(header::CONTENT_RANGE, value(&format!("bytes */{size}"))));
        }
    };
    let length = range.end - range.start;
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if request.method == Method::HEAD {
        return Ok((status, headers).into_response());
    }
    file.seek(SeekFrom::Start(range.start)).map_err(|error| lost(&error))?;
    let reader = tokio::fs::File::from_std(file).take(length);
    let body = Body::from_stream(ReaderStream::with_capacity(reader, CHUNK));
    Ok((status, headers, body).into_response())
}

/// `DELETE` of a blob: it is no longer in this repository. Others may have it; its bytes stay.
pub(crate) async fn delete(
    registry: &Registry,
    repository: &RepositoryName,
    digest: &Digest,
) -> Result<Response, Refusal> {
    if registry.store.unlink_blob(repository.as_str(), digest).await? {
        Ok(StatusCode::ACCEPTED.into_response())
    } else {
        Err(unknown(repository, digest))
    }
}

fn describe(digest: &Digest) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_DIGEST, digest_value(digest));
    headers.insert(header::ETAG, value(&format!("\"{digest}\"")));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=31536000, immutable"));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    // A blob may be anything, and our pages live at the same origin: no browser may take it for a page or a script.
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers
}

enum Asked {
    Whole,
    Part(std::ops::Range<u64>),
    Nothing,
}

/// One range in bytes (RFC 9110, section 14). What is malformed, in other units, or several ranges at once is answered
/// whole, as the RFC allows.
fn range(request: &Parts, size: u64, etag: &str) -> Asked {
    if header_text(request, header::IF_RANGE).is_some_and(|given| given != etag) {
        return Asked::Whole;
    }
    let Some((first, last)) = header_text(request, header::RANGE)
        .and_then(|text| text.strip_prefix("bytes="))
        .filter(|text| !text.contains(','))
        .and_then(|text| text.trim().split_once('-'))
    else {
        return Asked::Whole;
    };
    let number = |text: &str| if text.is_empty() { Some(None) } else { text.parse::<u64>().ok().map(Some) };
    let range = match (number(first), number(last)) {
        (Some(Some(first)), Some(Some(last))) if first > last => return Asked::Whole,
        (Some(Some(first)), Some(last)) => first..last.map_or(size, |last| last.saturating_add(1).min(size)),
        (Some(None), Some(Some(last))) => size.saturating_sub(last)..size,
        _ => return Asked::Whole,
    };
    if range.start < range.end { Asked::Part(range) } else { Asked::Nothing }
}

pub(super) fn unknown(repository: &RepositoryName, digest: &Digest) -> Refusal {
    Refusal::new(Code::BlobUnknown, format!("blob {digest} is not in repository {repository}"))
}

/// A thread or a file that failed us.
pub(super) fn lost(error: &(dyn std::error::Error + 'static)) -> Refusal {
    tracing::error!(error, "a blob could not be read");
    Refusal::new(Code::Internal, "the registry could not do this; its log says why")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str, size: u64) -> Option<(u64, u64)> {
        let request = axum::http::Request::builder().header(header::RANGE, text).body(()).unwrap();
        match range(&request.into_parts().0, size, "\"x\"") {
            Asked::Whole => Some((0, size)),
            Asked::Part(range) => Some((range.start, range.end)),
            Asked::Nothing => None,
        }
    }

    #[test]
    fn ranges_are_read_as_the_rfc_wants() {
        assert_eq!(asked("bytes=0-0", 10), Some((0, 1)));
        assert_eq!(asked("bytes=2-", 10), Some((2, 10)));
        assert_eq!(asked("bytes=2-99", 10), Some((2, 10)));
        assert_eq!(asked("bytes=-3", 10), Some((7, 10)));
        assert_eq!(asked("bytes=-99", 10), Some((0, 10)));
        assert_eq!(asked("bytes=0-18446744073709551615", 10), Some((0, 10)));
        assert_eq!(asked("bytes=10-", 10), None);
        assert_eq!(asked("bytes=-0", 10), None);
        assert_eq!(asked("bytes=0-", 0), None);
    }

    #[test]
    fn malformed_ranges_and_several_are_answered_whole() {
        for text in [
            "bytes=5-2",
            "bytes=a-b",
            "bytes=-",
            "bytes=1",
            "lines=0-1",
            "bytes=0-1,3-4",
            "bytes=99999999999999999999-",
        ] {
            assert_eq!(asked(text, 10), Some((0, 10)), "{text}");
        }
    }
}
