//! Pushes to follow, and requests for signatures to hand on (docs/api.md).

use std::time::Duration;

use access::{Action, Caller, Resource};
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use keys::ImageRequest;
use keys::agent::{Reply, protocol::check_image};
use serde::Deserialize;
use serde_json::{Value, json};

use super::parameter;
use crate::error::{Code, Refusal};
use crate::names::RepositoryName;
use crate::registry::Registry;

/// What proves that one asked, or took, a request. Not in the path, which is logged.
const TOKEN: HeaderName = HeaderName::from_static("plimsoll-token");
/// A request has some hundred bytes, an answer three signatures.
const LARGEST: usize = 512 << 10;
/// No answer is held back longer: proxies end what is silent for a minute.
const LONGEST_WAIT: u64 = 30;

/// The addresses.
pub(crate) fn routes() -> Router<Registry> {
    Router::new()
        .route("/api/v1/events", get(events))
        .route("/api/v1/signing", get(waiting).post(ask))
        .route("/api/v1/signing/{id}", get(state).delete(forget))
        .route("/api/v1/signing/{id}/claim", post(claim))
        .route("/api/v1/signing/{id}/answer", post(answer))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    image: ImageRequest,
    #[serde(default)]
    key: Option<String>,
}

async fn events(State(registry): State<Registry>, request: Request) -> Result<Response, Refusal> {
    let (parts, _) = request.into_parts();
    let caller = caller(&parts.extensions);
    Registry::ask(&caller, Action::View, &Resource::Everything)?;
    let after = parameter(&parts, "after")?.map(|text| text.parse::<u64>());
    let after = after.transpose().map_err(|_| malformed("after is the number of an event"))?;
    let stream = parameter(&parts, "stream")?;
    let visible =
        |repository: &str| access::may(&caller, Action::View, &Resource::Repository(repository.to_owned())).allowed();
    let wait = wait(&parts)?;
    let _held = registry.hold()?;
    let followed = registry.events.after(stream.as_deref(), after, wait, |event| visible(&event.repository)).await;
    Ok(said(StatusCode::OK, &json!(followed)))
}

async fn waiting(State(registry): State<Registry>, request: Request) -> Result<Response, Refusal> {
    let (parts, _) = request.into_parts();
    let caller = caller(&parts.extensions);
    Registry::ask(&caller, Action::View, &Resource::Everything)?;
    let wait = wait(&parts)?;
    let _held = registry.hold()?;
    let visible = |image: &ImageRequest| may_sign(&caller, image).is_ok();
    let waiting = registry.relay.waiting(wait, visible).await;
    Ok(said(StatusCode::OK, &json!({ "requests": waiting })))
}

async fn ask(State(registry): State<Registry>, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let caller = caller(&parts.extensions);
    let bytes = crate::body::whole(body, LARGEST, registry.settings.body_idle).await?;
    let Asked { image, key } = serde_json::from_slice(&bytes).map_err(|error| malformed(&error.to_string()))?;
    check_image(&image).map_err(|error| malformed(&error.to_string()))?;
    if key.as_ref().is_some_and(|key| key.len() > 1024) {
        return Err(malformed("the key's name is too long"));
    }
    may_sign(&caller, &image)?;
    let asked = registry.relay.ask(image, key, caller.to_string())?;
    Ok(said(StatusCode::CREATED, &asked))
}

async fn state(
    State(registry): State<Registry>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, _) = request.into_parts();
    may_sign(&caller(&parts.extensions), &registry.relay.image(&id)?)?;
    let after = parameter(&parts, "after")?.map_or(Ok(0), |text| text.parse::<u64>());
    let after = after.map_err(|_| malformed("after is a version"))?;
    let _held = registry.hold()?;
    let state = registry.relay.state(&id, token(&parts.headers), after, wait(&parts)?).await?;
    Ok(said(StatusCode::OK, &state))
}

async fn forget(
    State(registry): State<Registry>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, _) = request.into_parts();
    may_sign(&caller(&parts.extensions), &registry.relay.image(&id)?)?;
    registry.relay.forget(&id, token(&parts.headers))?;
    Ok(said(StatusCode::OK, &json!({})))
}

async fn claim(
    State(registry): State<Registry>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, _) = request.into_parts();
    may_sign(&caller(&parts.extensions), &registry.relay.image(&id)?)?;
    Ok(said(StatusCode::OK, &registry.relay.claim(&id)?))
}

async fn answer(
    State(registry): State<Registry>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    may_sign(&caller(&parts.extensions), &registry.relay.image(&id)?)?;
    let bytes = crate::body::whole(body, LARGEST, registry.settings.body_idle).await?;
    let reply: Reply = serde_json::from_slice(&bytes).map_err(|error| malformed(&error.to_string()))?;
    if !matches!(reply, Reply::Progress { .. } | Reply::Image { .. } | Reply::Refused { .. }) {
        return Err(malformed("the answer to a request for a signature is an image's, a refusal or progress"));
    }
    registry.relay.answer(&id, token(&parts.headers), reply)?;
    Ok(said(StatusCode::OK, &json!({})))
}

/// Who may push to a repository may ask for signatures there, and give them: signatures are pushed, too.
fn may_sign(caller: &Caller, image: &ImageRequest) -> Result<(), Refusal> {
    let path = image.repository.split_once('/').map_or("", |(_, path)| path);
    let name: RepositoryName = path.parse()?;
    Registry::allow(caller, Action::Push, &name)
}

fn caller(extensions: &axum::http::Extensions) -> Caller {
    extensions.get::<Caller>().cloned().unwrap_or(Caller::Anonymous)
}

fn token(headers: &axum::http::HeaderMap) -> &str {
    headers.get(TOKEN).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn wait(parts: &axum::http::request::Parts) -> Result<Duration, Refusal> {
    let seconds = parameter(parts, "wait")?.map_or(Ok(0), |text| text.parse::<u64>());
    let seconds = seconds.map_err(|_| malformed("wait is a number of seconds"))?;
    Ok(Duration::from_secs(seconds.min(LONGEST_WAIT)))
}

fn malformed(reason: &str) -> Refusal {
    Refusal::new(Code::NameInvalid, format!("the request cannot be understood: {reason}"))
}

fn said(status: StatusCode, body: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, body.to_string()).into_response()
}
