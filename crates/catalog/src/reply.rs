//! Answers: pages and JSON with their headers.

use askama::Template;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use findings::report::IndexIdentity;
use image::Digest;
use serde::Serialize;

use crate::failure::Failure;
use crate::pages::text;
use crate::request::{Asked, Form};
use crate::{Catalog, assets};

/// No script, no style but our own sheet, no picture but our own, no form that leads elsewhere, no frame around it.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                                       base-uri 'none'; frame-ancestors 'none'";

/// What stands around every page.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) stylesheet: &'static str,
    pub(crate) mark: &'static str,
    pub(crate) registry: String,
    pub(crate) index: Option<IndexIdentity>,
}

impl Frame {
    pub(crate) fn of(catalog: &Catalog) -> Self {
        Self {
            stylesheet: assets::stylesheet(),
            mark: assets::mark(),
            registry: catalog.registry.to_string(),
            index: catalog.advisories.identity(),
        }
    }
}

/// A model with its page.
pub(crate) trait Answer {
    /// What the JSON is.
    type Model: Serialize;
    /// The model.
    fn model(&self) -> &Self::Model;
}

/// The answer in the form that was asked for, or why there is none.
pub(crate) fn answer<A: Answer + Template>(
    catalog: &Catalog,
    asked: &Asked,
    page: impl FnOnce(Frame) -> Result<A, Failure>,
) -> Response {
    let body = page(Frame::of(catalog)).and_then(|page| match asked.form {
        Form::Page => Ok(harmless(page.render()?)),
        Form::Json => Ok(json(page.model())),
    });
    match body {
        Ok(body) => written(asked, StatusCode::OK, body),
        Err(failure) => refused(catalog, asked, &failure),
    }
}

/// A failure, as a page or as JSON.
pub(crate) fn refused(catalog: &Catalog, asked: &Asked, failure: &Failure) -> Response {
    if failure.status().is_server_error() {
        let cause = std::error::Error::source(failure).map(ToString::to_string).unwrap_or_default();
        tracing::error!(%failure, cause, "a page could not be made");
    }
    let told = Told { error: failure.code(), message: failure.to_string(), advice: failure.advice() };
    let page = FailurePage { frame: Frame::of(catalog), status: failure.status(), told };
    let body = match asked.form {
        Form::Page => page.render().map(harmless).unwrap_or_default(),
        Form::Json => json(&page.told),
    };
    written(asked, failure.status(), body)
}

/// Puts the headers on that hold for everything of ours, whoever made it.
pub(crate) async fn guard(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[derive(Debug, Serialize)]
struct Told {
    error: &'static str,
    message: String,
    advice: &'static str,
}

#[derive(Debug, Template)]
#[template(path = "failure.html")]
struct FailurePage {
    frame: Frame,
    status: StatusCode,
    told: Told,
}

fn written(asked: &Asked, status: StatusCode, body: String) -> Response {
    let tag = format!("\"{}\"", &Digest::sha256(body.as_bytes()).hex()[..32]);
    let unchanged = status == StatusCode::OK && asked.known.as_deref().is_some_and(|known| names(known, &tag));
    let media_type = match asked.form {
        Form::Page => "text/html; charset=utf-8",
        Form::Json => "application/json",
    };
    let mut response = if unchanged {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        (status, [(header::CONTENT_TYPE, HeaderValue::from_static(media_type))], body).into_response()
    };
    let headers = response.headers_mut();
    if status == StatusCode::OK
        && let Ok(tag) = HeaderValue::from_str(&tag)
    {
        headers.insert(header::ETAG, tag);
    }
    // A page shows what its caller may see: it is kept by that caller's browser alone, which asks each time.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    response
}

/// A page without characters that have no business in one: controls, and marks that turn the direction of writing, with
/// which a name can be made to read as another (CVE-2021-42574). The templates have escaped what is markup.
fn harmless(page: String) -> String {
    let harms = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if page.contains(harms) { page.replace(harms, "\u{fffd}") } else { page }
}

/// Whether `If-None-Match` names a tag (RFC 9110, 13.1.2: compared weakly).
fn names(known: &str, tag: &str) -> bool {
    known.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

fn json<T: Serialize>(model: &T) -> String {
    // Models are structs of text and numbers: writing them cannot fail.
    let mut text = serde_json::to_string_pretty(model).unwrap_or_default();
    text.push('\n');
    text
}
