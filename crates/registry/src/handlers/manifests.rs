//! Manifests: pushed, fetched, deleted.

use access::Caller;
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use image::{Digest, Verified};
use store::repositories::ManifestRow;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::blobs::lost;
use super::{CONTENT_DIGEST, digest_value, header_text, value};
use crate::background;
use crate::desk::{Summary, deadline};
use crate::error::{Code, Refusal};
use crate::events::Event;
use crate::manifest::{Descriptor, MOST_BYTES, Manifest};
use crate::names::{ManifestReference, RepositoryName};
use crate::registry::Registry;

const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// Ours: what was found in the image that was just pushed, or `pending`.
const FINDINGS: HeaderName = HeaderName::from_static("plimsoll-findings");

/// `PUT` of a manifest. Waits a little for its layers to be catalogued, and says what was found.
pub(crate) async fn put(
    registry: &Registry,
    repository: RepositoryName,
    reference: ManifestReference,
    request: Parts,
    body: Body,
) -> Result<Response, Refusal> {
    let content_type = header_text(&request, header::CONTENT_TYPE).map(str::to_owned);
    let bytes = crate::body::whole(body, MOST_BYTES, registry.settings.body_idle).await?;
    let manifest = Manifest::parse(&bytes, content_type.as_deref())?;
    let bytes = match &reference {
        ManifestReference::Tag(_) => Verified::name(bytes),
        ManifestReference::Digest(digest) => Verified::check(bytes, digest, "the manifest")
            .map_err(|error| Refusal::new(Code::DigestInvalid, error.to_string()))?,
    };
    let digest = bytes.digest().clone();
    check_presence(registry, &repository, &manifest).await?;
    let pushed = pushed(&repository, &reference, &manifest, &digest, &request);
    // From here on it goes to its end, also where the client is gone.
    let task = tokio::spawn(keep(registry.clone(), repository.clone(), reference, manifest, bytes));
    let (subject, findings) = task.await.map_err(|error| lost(&error))??;
    if let Some(event) = pushed {
        registry.events.record(event);
    }

    let mut headers = HeaderMap::new();
    headers.insert(header::LOCATION, value(&format!("/v2/{repository}/manifests/{digest}")));
    headers.insert(CONTENT_DIGEST, digest_value(&digest));
    if let Some(subject) = subject {
        headers.insert(SUBJECT, digest_value(&subject));
    }
    if let Some(findings) = findings {
        headers.insert(FINDINGS, findings);
    }
    Ok((StatusCode::CREATED, headers).into_response())
}

/// What those who follow are told: a tag that was set to something that is about nothing else. A signature is no news
/// to those who make signatures.
fn pushed(
    repository: &RepositoryName,
    reference: &ManifestReference,
    manifest: &Manifest,
    digest: &Digest,
    request: &Parts,
) -> Option<Event> {
    let ManifestReference::Tag(tag) = reference else { return None };
    // Under `sha256-…` lie the lists and signatures of registries without referrers.
    if manifest.subject.is_some() || tag.as_str().starts_with("sha256-") {
        return None;
    }
    let caller = request.extensions.get::<Caller>().cloned().unwrap_or(Caller::Anonymous);
    Some(Event {
        number: 0,
        repository: repository.as_str().to_owned(),
        tag: tag.as_str().to_owned(),
        digest: digest.to_string(),
        media_type: manifest.media_type.as_str().to_owned(),
        caller: caller.to_string(),
        pushed_at: OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default(),
    })
}

/// Stores a manifest whose parts are there. Its bytes go first and its row last, so that it is never seen in part.
async fn keep(
    registry: Registry,
    repository: RepositoryName,
    reference: ManifestReference,
    manifest: Manifest,
    bytes: Verified,
) -> Result<(Option<Digest>, Option<HeaderValue>), Refusal> {
    let row = ManifestRow {
        digest: bytes.digest().clone(),
        media_type: manifest.media_type.as_str().to_owned(),
        size: bytes.len() as u64,
        subject: manifest.subject.clone(),
        artifact_type: manifest.artifact_type,
        annotations: manifest.annotations,
        pushed_at: background::now(),
    };
    let blobs = registry.store.blobs().clone();
    tokio::task::spawn_blocking(move || blobs.put(&bytes)).await.map_err(|error| lost(&error))??;
    let settled = match &manifest.layers {
        Some(layers) => {
            let settled = registry.desk.settle(layers, deadline(registry.settings.manifest_wait)).await;
            Some((layers, settled))
        }
        None => None,
    };
    let tag = match &reference {
        ManifestReference::Tag(tag) => Some(tag.as_str()),
        ManifestReference::Digest(_) => None,
    };
    registry.store.put_manifest(repository.as_str(), &row, tag).await?;
    let findings = match settled {
        None => None,
        Some((layers, settled)) => Some(background::report_push(&registry, &row.digest, layers, settled).await),
    };
    Ok((manifest.subject, findings.map(|report| summary(report.as_ref()))))
}

/// `critical=1, high=2`, `none`, or `pending` where there is no report yet; with `uncovered=14` where packages were not
/// judged, for that nothing was found in them says nothing.
fn summary(summary: Option<&Summary>) -> HeaderValue {
    let Some(Summary { counts, uncovered }) = summary else { return HeaderValue::from_static("pending") };
    let severities = [
        ("critical", counts.critical),
        ("high", counts.high),
        ("medium", counts.medium),
        ("low", counts.low),
        ("negligible", counts.negligible),
        ("unknown", counts.unknown),
        ("uncovered", *uncovered),
    ];
    let found: Vec<String> = severities
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(severity, count)| format!("{severity}={count}"))
        .collect();
    if found.is_empty() { HeaderValue::from_static("none") } else { value(&found.join(", ")) }
}

/// Everything that a manifest names has to be in the repository already, of the size that it says.
async fn check_presence(registry: &Registry, repository: &RepositoryName, manifest: &Manifest) -> Result<(), Refusal> {
    let absent = |descriptor: &Descriptor| {
        Refusal::new(
            Code::ManifestBlobUnknown,
            format!("the manifest names {}, which is not in repository {repository}; push it first", descriptor.digest),
        )
    };
    for blob in manifest.blobs.iter().filter(|blob| !blob.is_foreign()) {
        if !registry.store.has_blob(repository.as_str(), &blob.digest).await? {
            return Err(absent(blob));
        }
        let size = registry.store.blobs().size(&blob.digest)?.ok_or_else(|| absent(blob))?;
        check_size(blob, size)?;
    }
    for child in &manifest.children {
        // BuildKit's cache is an index over blobs.
        let size = match registry.store.manifest(repository.as_str(), &child.digest).await? {
            Some(row) => row.size,
            None if registry.store.has_blob(repository.as_str(), &child.digest).await? => {
                registry.store.blobs().size(&child.digest)?.ok_or_else(|| absent(child))?
            }
            None => return Err(absent(child)),
        };
        check_size(child, size)?;
    }
    Ok(())
}

fn check_size(descriptor: &Descriptor, size: u64) -> Result<(), Refusal> {
    if descriptor.size == size {
        return Ok(());
    }
    let reason = format!("the manifest says that {} has {} bytes, it has {size}", descriptor.digest, descriptor.size);
    Err(Refusal::new(Code::ManifestInvalid, reason))
}

/// `GET` and `HEAD` of a manifest.
pub(crate) async fn get(
    registry: &Registry,
    repository: &RepositoryName,
    reference: &ManifestReference,
    request: &Parts,
) -> Result<Response, Refusal> {
    let digest = match reference {
        ManifestReference::Digest(digest) => digest.clone(),
        ManifestReference::Tag(tag) => {
            let found = registry.store.tag(repository.as_str(), tag.as_str()).await?;
            found.ok_or_else(|| unknown(repository, reference))?
        }
    };
    let row = registry.store.manifest(repository.as_str(), &digest).await?;
    let row = row.ok_or_else(|| unknown(repository, reference))?;
    if !accepts(request, &row.media_type) {
        let reason = format!("the manifest is {}, which the request does not accept", row.media_type);
        return Err(Refusal::new(Code::ManifestUnknown, reason));
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, value(&row.media_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(row.size));
    headers.insert(CONTENT_DIGEST, digest_value(&digest));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let etag = format!("\"{digest}\"");
    headers.insert(header::ETAG, value(&etag));
    if header_text(request, header::IF_NONE_MATCH).is_some_and(|given| given.split(',').any(|tag| tag.trim() == etag)) {
        headers.remove(header::CONTENT_LENGTH);
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    // Who names the digest already, by itself or as what the tag should point to, gets it: a signer has to.
    if let ManifestReference::Tag(tag) = reference
        && let Some(reason) = registry.holds.reason(repository.as_str(), tag.as_str(), &digest).await
    {
        return Err(Refusal::new(Code::Denied, reason).with(CONTENT_DIGEST, digest_value(&digest)));
    }
    if request.method == Method::HEAD {
        return Ok((StatusCode::OK, headers).into_response());
    }
    let blobs = registry.store.blobs().clone();
    let bytes = tokio::task::spawn_blocking(move || background::read_manifest(&blobs, &digest)).await;
    let bytes = bytes.map_err(|error| lost(&error))??.ok_or_else(|| unknown(repository, reference))?;
    Ok((StatusCode::OK, headers, bytes.into_bytes()).into_response())
}

/// `DELETE` of a manifest by digest, or of a tag.
pub(crate) async fn delete(
    registry: &Registry,
    repository: &RepositoryName,
    reference: &ManifestReference,
) -> Result<Response, Refusal> {
    let deleted = match reference {
        ManifestReference::Tag(tag) => registry.store.delete_tag(repository.as_str(), tag.as_str()).await?,
        ManifestReference::Digest(digest) => registry.store.delete_manifest(repository.as_str(), digest).await?,
    };
    if deleted { Ok(StatusCode::ACCEPTED.into_response()) } else { Err(unknown(repository, reference)) }
}

/// Whether what the request accepts holds a type. Who says nothing takes what there is.
fn accepts(request: &Parts, media_type: &str) -> bool {
    let mut given = request.headers.get_all(header::ACCEPT).iter().filter_map(|text| text.to_str().ok()).peekable();
    if given.peek().is_none() {
        return true;
    }
    given
        .flat_map(|text| text.split(','))
        .filter_map(|range| range.split(';').next())
        .any(|range| matches!(range.trim(), "*/*" | "application/*" | "application/json") || range.trim() == media_type)
}

fn unknown(repository: &RepositoryName, reference: &ManifestReference) -> Refusal {
    Refusal::new(Code::ManifestUnknown, format!("there is no manifest {reference} in repository {repository}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_names_what_was_found() {
        let counts = findings::Counts { critical: 1, unknown: 2, ..findings::Counts::default() };
        assert_eq!(summary(Some(&Summary { counts, uncovered: 0 })), "critical=1, unknown=2");
        assert_eq!(summary(Some(&Summary::default())), "none");
        assert_eq!(summary(Some(&Summary { uncovered: 14, ..Summary::default() })), "uncovered=14");
        assert_eq!(summary(None), "pending");
    }
}
