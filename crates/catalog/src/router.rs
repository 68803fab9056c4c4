//! Which address is which page.

use axum::Router;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;

use crate::failure::Failure;
use crate::request::Asked;
use crate::{Catalog, assets, pages, reply};

/// The pages and their JSON. Nothing here changes anything: all routes are GET.
///
/// The server puts an [`access::Caller`] into each request's extensions; without one the caller is nobody known and is
/// refused. It should also use [`not_found`] for what no room has an address for.
pub fn router(catalog: Catalog) -> Router {
    Router::new()
        .route("/", get(pages::overview::show))
        .route("/r/{*path}", get(pages::below_repository))
        .route("/cve/{id}", get(pages::vulnerability::show))
        .route("/find", get(pages::find::lead))
        .route("/api/v1/repositories", get(pages::overview::show))
        .route("/api/v1/repositories/{*path}", get(pages::below_repository))
        .route("/api/v1/cve/{id}", get(pages::vulnerability::show))
        .route("/static/{name}", get(assets::serve))
        .layer(map_response(reply::guard))
        .with_state(catalog)
}

/// The page for an address that nobody has.
pub async fn not_found(State(catalog): State<Catalog>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let Ok(asked) = Asked::from_request_parts(&mut parts, &()).await;
    reply::guard(reply::refused(&catalog, &asked, &Failure::NothingHere)).await
}
