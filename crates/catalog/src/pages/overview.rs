//! `/`: all repositories, each as its newest image has it.

use access::{Action, Resource};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

use super::text;
use crate::counts;
use crate::failure::Failure;
use crate::images::{self, Knowledge, PlatformImage};
use crate::reply::{Answer, Frame, answer};
use crate::request::Asked;
use crate::signatures::Standing;
use crate::{Catalog, address};

/// Repositories on a page. Each one's manifests are read, so fewer than rows elsewhere.
const ROWS: u32 = 50;

/// All repositories, a page of them.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Overview {
    /// The repositories, by name.
    repositories: Vec<Repository>,
    /// Where the next page begins: `?after=` this.
    next: Option<String>,
}

/// A repository, as its newest tag has it.
#[derive(Clone, Debug, Serialize)]
struct Repository {
    name: String,
    tags: u64,
    newest: Option<Newest>,
}

/// What the newest tag points to.
#[derive(Clone, Debug, Serialize)]
struct Newest {
    tag: String,
    pushed_at: String,
    #[serde(flatten)]
    standing: Standing,
    /// One a platform.
    images: Vec<PlatformImage>,
}

#[derive(Debug, Template)]
#[template(path = "overview.html")]
struct Page {
    frame: Frame,
    model: Overview,
    first: bool,
}

impl Answer for Page {
    type Model = Overview;
    fn model(&self) -> &Overview {
        &self.model
    }
}

impl Newest {
    /// The platform that is worst off; where none was scanned, the first.
    fn worst(&self) -> Option<&PlatformImage> {
        let worse = |image: &&PlatformImage| image.scanned().map(|scanned| scanned.counts);
        self.images.iter().filter(|image| image.scanned().is_some()).max_by_key(worse).or(self.images.first())
    }
}

/// `/` and `/api/v1/repositories`.
pub(crate) async fn show(State(catalog): State<Catalog>, asked: Asked) -> Response {
    let model = load(&catalog, &asked).await;
    let first = asked.parameter("after").is_none();
    answer(&catalog, &asked, |frame| Ok(Page { frame, model: model?, first }))
}

async fn load(catalog: &Catalog, asked: &Asked) -> Result<Overview, Failure> {
    asked.may(Action::View, &Resource::Everything)?;
    let after = asked.parameter("after");
    // One more than is shown tells whether there is a next page.
    let mut rows = catalog.store.repository_summaries(after, ROWS + 1).await?;
    let more = rows.len() > ROWS as usize;
    rows.truncate(ROWS as usize);
    let next = rows.last().filter(|_| more).map(|row| row.name.clone());
    let mut repositories = Vec::with_capacity(rows.len());
    for row in rows.into_iter().filter(|row| asked.may_view(&row.name)) {
        let newest = match row.newest {
            Some(tag) => newest(catalog, &row.name, tag).await?,
            None => None,
        };
        repositories.push(Repository { name: row.name, tags: u64::try_from(row.tags).unwrap_or(0), newest });
    }
    Ok(Overview { repositories, next })
}

async fn newest(
    catalog: &Catalog,
    repository: &str,
    tag: store::repositories::TagRow,
) -> Result<Option<Newest>, Failure> {
    let Some(manifest) = images::manifest(catalog, repository, &tag.digest).await? else { return Ok(None) };
    let images = images::knowledge(catalog, &manifest.images).await?;
    let standing = Standing::of(catalog, repository, Some(&tag.tag), &tag.digest, &images).await?;
    Ok(Some(Newest { tag: tag.tag, pushed_at: tag.updated_at, standing, images }))
}
