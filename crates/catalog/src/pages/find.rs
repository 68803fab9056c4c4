//! The field at the top of every page: leads to a vulnerability or a repository.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};

use crate::failure::Failure;
use crate::request::Asked;
use crate::{Catalog, address, reply};

/// Longest thing that is looked for.
const LONGEST: usize = 300;

/// `/find?q=…`. What has capital letters is an id (`CVE-2026-1234`, `DSA-5678-1`), as ids always have and repositories
/// never; the rest is a repository, with or without this server's own name before it.
pub(crate) async fn lead(State(catalog): State<Catalog>, asked: Asked) -> Response {
    let Some(wanted) = asked.parameter("q").filter(|wanted| wanted.len() <= LONGEST) else {
        return Redirect::to(address::OVERVIEW).into_response();
    };
    let own = format!("{}/", catalog.registry);
    let name = wanted.strip_prefix(&own).unwrap_or(wanted);
    let looks_like_id =
        ["cve-", "ghsa-", "dsa-", "dla-", "pysec-"].iter().any(|prefix| wanted.to_lowercase().starts_with(prefix));
    if wanted.contains(char::is_uppercase) || looks_like_id {
        let id = if wanted.to_lowercase().starts_with("cve-") { wanted.to_uppercase() } else { wanted.to_owned() };
        return Redirect::to(&address::vulnerability(&id)).into_response();
    }
    let name = name.split([':', '@']).next().unwrap_or_default();
    if address::is_repository(name) {
        return Redirect::to(&address::repository(name)).into_response();
    }
    let failure = Failure::Query(format!("{wanted:?} is neither the id of a vulnerability nor a repository's name"));
    reply::refused(&catalog, &asked, &failure)
}
