//! `/r/REPOSITORY`: its tags, each with its images.

use ::image::Digest;
use access::{Action, Resource};
use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Serialize;

use super::text;
use crate::counts;
use crate::failure::Failure;
use crate::images::{self, Knowledge, PlatformImage};
use crate::reply::{Answer, Frame, answer, refused};
use crate::request::Asked;
use crate::signatures::Standing;
use crate::{Catalog, address};

/// Tags on a page. Each one's manifest is read.
const ROWS: usize = 50;

/// A repository's tags, a page of them.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Repository {
    name: String,
    /// The name to pull by.
    reference: String,
    /// The tags, by name.
    tags: Vec<Tagged>,
    /// Where the next page begins: `?after=` this.
    next: Option<String>,
}

/// A tag with its images.
#[derive(Clone, Debug, Serialize)]
struct Tagged {
    tag: String,
    /// What the tag points to: an index or an image's manifest.
    digest: Digest,
    updated_at: String,
    #[serde(flatten)]
    standing: Standing,
    images: Vec<PlatformImage>,
}

#[derive(Debug, Template)]
#[template(path = "repository.html")]
struct Page {
    frame: Frame,
    model: Repository,
    first: bool,
}

impl Answer for Page {
    type Model = Repository;
    fn model(&self) -> &Repository {
        &self.model
    }
}

/// A repository's page.
pub(crate) async fn show(catalog: &Catalog, asked: &Asked, name: &str) -> Response {
    let model = load(catalog, asked, name).await;
    let first = asked.parameter("after").is_none();
    answer(catalog, asked, |frame| Ok(Page { frame, model: model?, first }))
}

/// Where a tag points now: its image's report, or the repository's page where it has several images.
pub(crate) async fn lead(catalog: &Catalog, asked: &Asked, name: &str, tag: &str) -> Response {
    match target(catalog, asked, name, tag).await {
        Ok(target) => Redirect::to(&target).into_response(),
        Err(failure) => refused(catalog, asked, &failure),
    }
}

async fn target(catalog: &Catalog, asked: &Asked, name: &str, tag: &str) -> Result<String, Failure> {
    asked.may(Action::View, &Resource::Repository(name.to_owned()))?;
    let missing = || Failure::NoTag(name.to_owned(), tag.to_owned());
    let digest = catalog.store.tag(name, tag).await?.ok_or_else(missing)?;
    let manifest = images::manifest(catalog, name, &digest).await?.ok_or_else(missing)?;
    Ok(match manifest.images.as_slice() {
        [(image, _)] => address::image(name, image),
        _ => address::repository(name),
    })
}

async fn load(catalog: &Catalog, asked: &Asked, name: &str) -> Result<Repository, Failure> {
    asked.may(Action::View, &Resource::Repository(name.to_owned()))?;
    let after = asked.parameter("after");
    let (rows, next) = rows(catalog, name, after).await?;
    if rows.is_empty() && after.is_none() && catalog.store.repository_summary(name).await?.is_none() {
        return Err(Failure::NoRepository(name.to_owned()));
    }
    let mut tags = Vec::with_capacity(rows.len());
    for row in rows {
        let manifest = images::manifest(catalog, name, &row.digest).await?;
        let images = images::knowledge(catalog, &manifest.map(|manifest| manifest.images).unwrap_or_default()).await?;
        let standing = Standing::of(catalog, name, Some(&row.tag), &row.digest, &images).await?;
        tags.push(Tagged { tag: row.tag, digest: row.digest, updated_at: row.updated_at, standing, images });
    }
    Ok(Repository { name: name.to_owned(), reference: catalog.full_name(name), tags, next })
}

/// A page of tags that are somebody's names for images, and where the next begins.
async fn rows(
    catalog: &Catalog,
    name: &str,
    after: Option<&str>,
) -> Result<(Vec<store::repositories::TagRow>, Option<String>), Failure> {
    let limit = u32::try_from(ROWS).unwrap_or(u32::MAX) + 1;
    let mut found = Vec::new();
    let mut last = after.map(ToOwned::to_owned);
    while found.len() <= ROWS {
        let rows = catalog.store.tags(name, last.as_deref(), limit).await?;
        let ended = rows.len() < limit as usize;
        last = rows.last().map(|row| row.tag.clone());
        found.extend(rows.into_iter().filter(|row| !carries_signatures(&row.tag)));
        if ended {
            break;
        }
    }
    let more = found.len() > ROWS;
    found.truncate(ROWS);
    let next = found.last().filter(|_| more).map(|row| row.tag.clone());
    Ok((found, next))
}

/// Registries without a referrers API get signatures under tags like `sha256-HEX` and `sha256-HEX.sig`.
fn carries_signatures(tag: &str) -> bool {
    tag.strip_prefix("sha256-").is_some_and(|rest| {
        let hex = rest.split('.').next().unwrap_or_default();
        hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}
