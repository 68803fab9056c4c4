//! The stylesheet and the mark, served from the binary under names that hold their hash, so that browsers may keep them
//! for good and a new version is a new name.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use image::Digest;

static STYLESHEET: &[u8] = include_bytes!("../assets/plimsoll.css");
static MARK: &[u8] = include_bytes!("../assets/mark.svg");

/// The stylesheet's address.
pub(crate) fn stylesheet() -> &'static str {
    static ADDRESS: LazyLock<String> = LazyLock::new(|| address("plimsoll", "css", STYLESHEET));
    &ADDRESS
}

/// The mark's address.
pub(crate) fn mark() -> &'static str {
    static ADDRESS: LazyLock<String> = LazyLock::new(|| address("mark", "svg", MARK));
    &ADDRESS
}

fn address(name: &str, extension: &str, bytes: &[u8]) -> String {
    format!("/static/{name}-{}.{extension}", &Digest::sha256(bytes).hex()[..16])
}

/// `/static/…`.
pub(crate) async fn serve(Path(name): Path<String>) -> Response {
    let is = |address: &str| address.strip_prefix("/static/") == Some(name.as_str());
    let (media_type, bytes) = if is(stylesheet()) {
        ("text/css; charset=utf-8", STYLESHEET)
    } else if is(mark()) {
        ("image/svg+xml", MARK)
    } else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    (headers, bytes).into_response()
}
