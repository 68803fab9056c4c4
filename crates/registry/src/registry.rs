//! The registry: what handlers need, and the router that leads to them.

use std::sync::Arc;

use access::{Action, Caller, Decision, Resource};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use store::Store;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::desk::{Cataloguing, Desk};
use crate::error::{Code, Refusal};
use crate::events::Events;
use crate::handlers::{blobs, lists, manifests, signing, uploads};
use crate::holds::{Holds, HoldsNothing};
use crate::names::RepositoryName;
use crate::relay::Relay;
use crate::route::Route;
use crate::settings::Settings;
use crate::uploads::Uploads;

/// What every answer under `/v2/` bears; docker's clients look for it.
const API_VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("docker-distribution-api-version"), HeaderValue::from_static("registry/2.0"));

/// A registry over a store. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    pub(crate) store: Store,
    pub(crate) cataloguing: Arc<dyn Cataloguing>,
    pub(crate) desk: Desk,
    pub(crate) uploads: Arc<Uploads>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) holds: Arc<dyn Holds>,
    pub(crate) events: Arc<Events>,
    pub(crate) relay: Arc<Relay>,
    /// Answers that may be held back at once; each holds a connection.
    patience: Arc<Semaphore>,
}

/// Answers that are held back until there is something to tell, at once.
const HELD_BACK: usize = 128;

impl Registry {
    /// A registry over `store` that has its layers catalogued by `cataloguing`.
    pub fn new(store: Store, cataloguing: Arc<dyn Cataloguing>, settings: Settings) -> Self {
        Self {
            desk: Desk::new(store.clone(), Arc::clone(&cataloguing), &settings),
            uploads: Arc::new(Uploads::new(settings.most_uploads)),
            store,
            cataloguing,
            settings: Arc::new(settings),
            holds: Arc::new(HoldsNothing),
            events: Arc::new(Events::new()),
            relay: Arc::new(Relay::new()),
            patience: Arc::new(Semaphore::new(HELD_BACK)),
        }
    }

    /// With somebody to ask which images are kept back.
    #[must_use]
    pub fn with_holds(self, holds: Arc<dyn Holds>) -> Self {
        Self { holds, ..self }
    }

    /// Everything under `/v2/`, and what agents follow and answer under `/api/v1/`.
    pub fn routes(&self) -> Router {
        Router::new()
            .route("/v2", any(answer))
            .route("/v2/", any(answer))
            .route("/v2/{*path}", any(answer))
            .merge(signing::routes())
            .with_state(self.clone())
    }

    /// Asks `access`, and turns its no into a refusal.
    pub(crate) fn allow(caller: &Caller, action: Action, repository: &RepositoryName) -> Result<(), Refusal> {
        Self::ask(caller, action, &Resource::Repository(repository.as_str().to_owned()))
    }

    /// A place among the answers that are held back.
    pub(crate) fn hold(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        Arc::clone(&self.patience).try_acquire_owned().map_err(|_| {
            Refusal::new(
                Code::TooManyRequests,
                format!("{HELD_BACK} others wait for something already; try again later"),
            )
        })
    }

    pub(crate) fn ask(caller: &Caller, action: Action, resource: &Resource) -> Result<(), Refusal> {
        match access::may(caller, action, resource) {
            Decision::Allow => Ok(()),
            Decision::Deny(reason) => Err(Refusal::new(Code::Denied, reason)),
        }
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Registry").field("settings", &self.settings).finish_non_exhaustive()
    }
}

async fn answer(State(registry): State<Registry>, request: Request) -> Response {
    let mut response = dispatch(&registry, request).await.unwrap_or_else(IntoResponse::into_response);
    response.headers_mut().insert(API_VERSION.0, API_VERSION.1);
    response
}

async fn dispatch(registry: &Registry, request: Request) -> Result<Response, Refusal> {
    let (request, body) = request.into_parts();
    let route = Route::parse(request.uri.path())?;
    // Put there by whoever took the connection; who is not known is nobody.
    let caller = request.extensions.get::<Caller>().cloned().unwrap_or(Caller::Anonymous);
    let method = request.method.clone();
    let allow = |action, name: &RepositoryName| Registry::allow(&caller, action, name);
    match (&method, route) {
        (&Method::GET | &Method::HEAD, Route::Base) => Ok(lists::base()),
        (&Method::GET, Route::Catalog) => {
            Registry::ask(&caller, Action::View, &Resource::Everything)?;
            lists::catalog(registry, &request).await
        }
        (&Method::GET, Route::Tags(name)) => {
            allow(Action::Pull, &name)?;
            lists::tags(registry, &name, &request).await
        }
        (&Method::GET, Route::Referrers(name, digest)) => {
            allow(Action::Pull, &name)?;
            lists::referrers(registry, &name, &digest, &request).await
        }
        (&Method::GET | &Method::HEAD, Route::Manifest(name, reference)) => {
            allow(Action::Pull, &name)?;
            manifests::get(registry, &name, &reference, &request).await
        }
        (&Method::PUT, Route::Manifest(name, reference)) => {
            allow(Action::Push, &name)?;
            manifests::put(registry, name, reference, request, body).await
        }
        (&Method::DELETE, Route::Manifest(name, reference)) => {
            allow(Action::Delete, &name)?;
            manifests::delete(registry, &name, &reference).await
        }
        (&Method::GET | &Method::HEAD, Route::Blob(name, digest)) => {
            allow(Action::Pull, &name)?;
            blobs::get(registry, &name, &digest, &request).await
        }
        (&Method::DELETE, Route::Blob(name, digest)) => {
            allow(Action::Delete, &name)?;
            blobs::delete(registry, &name, &digest).await
        }
        (&Method::POST, Route::Uploads(name)) => {
            allow(Action::Push, &name)?;
            uploads::start(registry, &name, &caller, request, body).await
        }
        (_, Route::Upload(name, id)) => {
            allow(Action::Push, &name)?;
            match method {
                Method::GET => uploads::status(registry, &name, id),
                Method::PATCH => uploads::append(registry, &name, id, request, body).await,
                Method::PUT => uploads::finish(registry, &name, id, request, body).await,
                Method::DELETE => uploads::give_up(registry, &name, id),
                _ => Err(unsupported(&method)),
            }
        }
        _ => Err(unsupported(&method)),
    }
}

fn unsupported(method: &Method) -> Refusal {
    Refusal::new(Code::Unsupported, format!("{method} is not something that can be done at this path"))
}
