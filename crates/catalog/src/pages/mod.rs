//! One file a page: its model, where the model comes from, its template.

mod actions;
mod filter;
pub(crate) mod find;
mod image;
mod layers;
pub(crate) mod overview;
mod packages;
mod pager;
mod repository;
pub(crate) mod text;
pub(crate) mod vulnerability;

use axum::extract::{Path, State};
use axum::response::Response;

use crate::address::{Place, place};
use crate::failure::Failure;
use crate::request::Asked;
use crate::{Catalog, reply};

/// Everything below `/r/` and `/api/v1/repositories/`.
pub(crate) async fn below_repository(
    State(catalog): State<Catalog>,
    Path(path): Path<String>,
    asked: Asked,
) -> Response {
    match place(&path) {
        Some(Place::Repository(name)) => repository::show(&catalog, &asked, &name).await,
        Some(Place::Tag(name, tag)) => repository::lead(&catalog, &asked, &name, &tag).await,
        Some(Place::Image(name, digest)) => image::show(&catalog, &asked, &name, &digest).await,
        Some(Place::Packages(name, digest)) => packages::show(&catalog, &asked, &name, &digest).await,
        None => reply::refused(&catalog, &asked, &Failure::NothingHere),
    }
}
