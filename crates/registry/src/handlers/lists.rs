//! Lists: repositories, tags, referrers.

use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use image::Digest;
use serde_json::{Value, json};
use store::repositories::ManifestRow;

use super::{parameter, value};
use crate::error::{Code, Refusal};
use crate::manifest::MediaType;
use crate::names::RepositoryName;
use crate::registry::Registry;

/// Longest page, also where none is asked for: a client follows `Link` to the next.
const PAGE: u32 = 1000;

const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

/// `/v2/`: yes, this is a registry.
pub(crate) fn base() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], "{}").into_response()
}

/// `/v2/_catalog`
pub(crate) async fn catalog(registry: &Registry, request: &Parts) -> Result<Response, Refusal> {
    let page = Page::of(request)?;
    let names = registry.store.repositories(page.last.as_deref(), page.fetch()).await?;
    let (names, next) = page.cut(names, "/v2/_catalog", String::clone);
    Ok(answer(&json!({ "repositories": names }), next))
}

/// `/v2/NAME/tags/list`
pub(crate) async fn tags(
    registry: &Registry,
    repository: &RepositoryName,
    request: &Parts,
) -> Result<Response, Refusal> {
    let page = Page::of(request)?;
    let tags = registry.store.tags(repository.as_str(), page.last.as_deref(), page.fetch()).await?;
    if tags.is_empty() && !registry.store.has_repository(repository.as_str()).await? {
        return Err(Refusal::new(Code::NameUnknown, format!("there is no repository {repository}")));
    }
    let (tags, next) = page.cut(tags, &format!("/v2/{repository}/tags/list"), |row| row.tag.clone());
    let tags: Vec<String> = tags.into_iter().map(|row| row.tag).collect();
    Ok(answer(&json!({ "name": repository.as_str(), "tags": tags }), next))
}

/// `/v2/NAME/referrers/DIGEST`: an index of what is about a digest, empty where nothing is.
pub(crate) async fn referrers(
    registry: &Registry,
    repository: &RepositoryName,
    digest: &Digest,
    request: &Parts,
) -> Result<Response, Refusal> {
    let artifact_type = parameter(request, "artifactType")?.filter(|kind| !kind.is_empty());
    let rows = registry.store.referrers(repository.as_str(), digest, artifact_type.as_deref()).await?;
    let index = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::Index.as_str(),
        "manifests": rows.iter().map(descriptor).collect::<Vec<_>>(),
    });
    let mut response = index.to_string().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MediaType::Index.as_str()));
    if artifact_type.is_some() {
        headers.insert(FILTERS_APPLIED, HeaderValue::from_static("artifactType"));
    }
    Ok(response)
}

fn descriptor(row: &ManifestRow) -> Value {
    let mut descriptor = json!({
        "mediaType": row.media_type,
        "digest": row.digest,
        "size": row.size,
    });
    if let Some(artifact_type) = &row.artifact_type {
        descriptor["artifactType"] = artifact_type.as_str().into();
    }
    let annotations = row.annotations.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
    if let Some(annotations) = annotations {
        descriptor["annotations"] = annotations;
    }
    descriptor
}

fn answer(body: &Value, next: Option<HeaderValue>) -> Response {
    let mut response = body.to_string().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(next) = next {
        headers.insert(header::LINK, next);
    }
    response
}

/// Which part of a list is asked for.
struct Page {
    size: u32,
    last: Option<String>,
}

impl Page {
    fn of(request: &Parts) -> Result<Self, Refusal> {
        let size = match parameter(request, "n")? {
            None => PAGE,
            Some(text) => text
                .parse::<u64>()
                .map(|size| u32::try_from(size).unwrap_or(PAGE).min(PAGE))
                .map_err(|_| Refusal::new(Code::PaginationNumberInvalid, "n is the number of entries, 0 or more"))?,
        };
        // NUL is in no name, and PostgreSQL takes it in none.
        Ok(Self { size, last: parameter(request, "last")?.map(|last| last.replace('\0', "")) })
    }

    /// One more than is answered: whether there is a next page.
    fn fetch(&self) -> u32 {
        if self.size == 0 { 0 } else { self.size + 1 }
    }

    fn cut<T>(&self, mut rows: Vec<T>, path: &str, name: impl Fn(&T) -> String) -> (Vec<T>, Option<HeaderValue>) {
        let more = rows.len() > self.size as usize;
        rows.truncate(self.size as usize);
        let link = rows.last().filter(|_| more).map(|last| {
            let last =
                percent_encoding::utf8_percent_encode(&name(last), percent_encoding::NON_ALPHANUMERIC).to_string();
            value(&format!("<{path}?n={}&last={last}>; rel=\"next\"", self.size))
        });
        (rows, link)
    }
}
