//! Uploads of blobs: in one piece, in chunks, as a stream, or mounted from another repository.

use access::{Action, Caller};
use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use image::Digest;

use super::blobs::lost;
use super::{CONTENT_DIGEST, content_length, digest_value, header_text, parameter, value};
use crate::error::{Code, Refusal};
use crate::names::{RepositoryName, parse_digest};
use crate::registry::Registry;
use crate::uploads::{End, Return, Upload, UploadId, receive};

const UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// `POST …/blobs/uploads/`: a new upload, a blob in one request (`?digest=`), or one from elsewhere (`?mount=`).
pub(crate) async fn start(
    registry: &Registry,
    repository: &RepositoryName,
    caller: &Caller,
    request: Parts,
    body: Body,
) -> Result<Response, Refusal> {
    if let Some(mounted) = mount(registry, repository, caller, &request).await? {
        return Ok(mounted);
    }
    let digest = parameter(&request, "digest")?.map(|digest| parse_digest(&digest)).transpose()?;
    let id = registry.uploads.begin(repository)?;
    let upload = match create(registry).await {
        Ok(upload) => upload,
        Err(refusal) => {
            registry.uploads.forget(id);
            return Err(refusal);
        }
    };
    let Some(digest) = digest else {
        registry.uploads.put_back(id, upload);
        return Ok(accepted(StatusCode::ACCEPTED, repository, id, 0));
    };
    // Nobody was told its name, so nobody can go on with it: whatever happens, the session ends here.
    let length = content_length(&request);
    let received = receive(upload, body, length, registry.settings.body_idle, None).await;
    registry.uploads.forget(id);
    match received? {
        End::Whole(upload) => commit(registry, repository, upload, &digest).await,
        End::Cut(_, refusal) => Err(refusal),
    }
}

/// `GET` of an upload: how far it is.
pub(crate) fn status(registry: &Registry, repository: &RepositoryName, id: UploadId) -> Result<Response, Refusal> {
    let upload = registry.uploads.take(repository, id)?;
    let length = upload.incoming.len();
    registry.uploads.put_back(id, upload);
    Ok(accepted(StatusCode::NO_CONTENT, repository, id, length))
}

/// `PATCH` of an upload: a chunk (with `Content-Range`), or a stream of unknown length.
pub(crate) async fn append(
    registry: &Registry,
    repository: &RepositoryName,
    id: UploadId,
    request: Parts,
    body: Body,
) -> Result<Response, Refusal> {
    let upload = registry.uploads.take(repository, id)?;
    let most = match expected(&request, upload.incoming.len()) {
        Ok(most) => most,
        Err(refusal) => {
            let refusal = locate(refusal, repository, id, upload.incoming.len());
            registry.uploads.put_back(id, upload);
            return Err(refusal);
        }
    };
    let (upload, result) = write(registry, id, upload, body, most).await?;
    let length = upload.incoming.len();
    registry.uploads.put_back(id, upload);
    result.map_err(|refusal| locate(refusal, repository, id, length))?;
    Ok(accepted(StatusCode::ACCEPTED, repository, id, length))
}

/// `PUT` of an upload with `?digest=`: the last chunk, if any, then it is a blob or nothing.
pub(crate) async fn finish(
    registry: &Registry,
    repository: &RepositoryName,
    id: UploadId,
    request: Parts,
    body: Body,
) -> Result<Response, Refusal> {
    let Some(digest) = parameter(&request, "digest")? else {
        return Err(Refusal::new(
            Code::DigestInvalid,
            "the upload is finished with ?digest=sha256:…, which is missing",
        ));
    };
    let digest = parse_digest(&digest)?;
    let upload = registry.uploads.take(repository, id)?;
    let most = match expected(&request, upload.incoming.len()) {
        Ok(most) => most,
        Err(refusal) => {
            let refusal = locate(refusal, repository, id, upload.incoming.len());
            registry.uploads.put_back(id, upload);
            return Err(refusal);
        }
    };
    let (upload, result) = write(registry, id, upload, body, most).await?;
    if let Err(refusal) = result {
        let refusal = locate(refusal, repository, id, upload.incoming.len());
        registry.uploads.put_back(id, upload);
        return Err(refusal);
    }
    registry.uploads.forget(id);
    commit(registry, repository, upload, &digest).await
}

/// `DELETE` of an upload.
pub(crate) fn give_up(registry: &Registry, repository: &RepositoryName, id: UploadId) -> Result<Response, Refusal> {
    registry.uploads.give_up(repository, id)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// A blob of another repository, which the caller may pull from there, becomes one of this. `None`: it has to be sent.
async fn mount(
    registry: &Registry,
    repository: &RepositoryName,
    caller: &Caller,
    request: &Parts,
) -> Result<Option<Response>, Refusal> {
    let (Some(digest), Some(from)) = (parameter(request, "mount")?, parameter(request, "from")?) else {
        return Ok(None);
    };
    let (digest, from) = (parse_digest(&digest)?, from.parse::<RepositoryName>()?);
    // A repository that may not be read answers like one that does not have the blob.
    if Registry::allow(caller, Action::Pull, &from).is_err() || !registry.store.has_blob(from.as_str(), &digest).await?
    {
        return Ok(None);
    }
    registry.store.link_blob(repository.as_str(), &digest).await?;
    Ok(Some(created(repository, &digest)))
}

async fn create(registry: &Registry) -> Result<Upload, Refusal> {
    let blobs = registry.store.blobs().clone();
    let created = tokio::task::spawn_blocking(move || blobs.create()).await;
    let incoming = created.map_err(|error| lost(&error))??;
    let live = registry.desk.follow(&incoming);
    Ok(Upload { incoming, live })
}

/// Writes a body to an upload that has a name, so that it may be gone on with.
async fn write(
    registry: &Registry,
    id: UploadId,
    upload: Upload,
    body: Body,
    most: Option<u64>,
) -> Result<(Upload, Result<(), Refusal>), Refusal> {
    let before = upload.incoming.len();
    let back = Return { uploads: std::sync::Arc::clone(&registry.uploads), id };
    let received = receive(upload, body, most, registry.settings.body_idle, Some(back)).await;
    match received {
        Ok(End::Whole(upload)) => {
            let written = upload.incoming.len() - before;
            let result = match most {
                Some(most) if written < most => {
                    let reason = format!("{most} bytes were announced, {written} came");
                    Err(Refusal::new(Code::SizeInvalid, reason))
                }
                _ => Ok(()),
            };
            Ok((upload, result))
        }
        // The client cannot go on with it, and what it holds is what the others lack.
        Ok(End::Cut(upload, refusal)) if refusal.code() == Code::StorageFull => {
            drop(upload);
            registry.uploads.forget(id);
            Err(refusal)
        }
        Ok(End::Cut(upload, refusal)) => Ok((upload, Err(refusal))),
        Err(refusal) => {
            registry.uploads.forget(id);
            Err(refusal)
        }
    }
}

/// How many bytes the request announces; `None` where it does not say. A chunk has to begin where the upload ends.
fn expected(request: &Parts, length: u64) -> Result<Option<u64>, Refusal> {
    let announced = content_length(request);
    let Some(text) = header_text(request, header::CONTENT_RANGE) else { return Ok(announced) };
    let malformed = || Refusal::new(Code::RangeInvalid, "Content-Range has the form FIRST-LAST, counted from 0");
    // The specification's form has neither unit nor total; RFC 9110's has both, and some clients send it.
    let text = text.strip_prefix("bytes ").unwrap_or(text).split('/').next().unwrap_or_default();
    let (first, last) = text.trim().split_once('-').ok_or_else(malformed)?;
    let (first, last): (u64, u64) =
        first.parse().ok().zip(last.parse().ok()).filter(|(first, last)| first <= last).ok_or_else(malformed)?;
    if first != length {
        return Err(Refusal::new(
            Code::RangeInvalid,
            format!("the chunk begins at byte {first}, but the next byte of this upload is {length}"),
        ));
    }
    let size = (last - first).checked_add(1).ok_or_else(malformed)?;
    if announced.is_some_and(|announced| announced != size) {
        return Err(Refusal::new(Code::SizeInvalid, "Content-Length and Content-Range do not agree"));
    }
    Ok(Some(size))
}

/// The bytes become a blob of the repository, durably; then the layer's record is seen to.
async fn commit(
    registry: &Registry,
    repository: &RepositoryName,
    upload: Upload,
    digest: &Digest,
) -> Result<Response, Refusal> {
    let Upload { incoming, live } = upload;
    let named = digest.clone();
    tokio::task::spawn_blocking(move || incoming.commit(&named)).await.map_err(|error| lost(&error))??;
    registry.store.link_blob(repository.as_str(), digest).await?;
    registry.desk.adopt(digest, live);
    Ok(created(repository, digest))
}

fn created(repository: &RepositoryName, digest: &Digest) -> Response {
    let location = format!("/v2/{repository}/blobs/{digest}");
    let headers = [(header::LOCATION, value(&location)), (CONTENT_DIGEST, digest_value(digest))];
    (StatusCode::CREATED, headers).into_response()
}

fn accepted(status: StatusCode, repository: &RepositoryName, id: UploadId, length: u64) -> Response {
    let headers = [
        (header::LOCATION, location(repository, id)),
        (header::RANGE, range(length)),
        (UPLOAD_UUID, value(&id.to_string())),
    ];
    (status, headers).into_response()
}

/// A refusal that tells the client from where to go on.
fn locate(refusal: Refusal, repository: &RepositoryName, id: UploadId, length: u64) -> Refusal {
    refusal.with(header::LOCATION, location(repository, id)).with(header::RANGE, range(length))
}

fn location(repository: &RepositoryName, id: UploadId) -> HeaderValue {
    value(&format!("/v2/{repository}/blobs/uploads/{id}"))
}

/// First and last byte that are there. The specification has no word for none; everybody writes `0-0`.
fn range(length: u64) -> HeaderValue {
    value(&format!("0-{}", length.saturating_sub(1)))
}
