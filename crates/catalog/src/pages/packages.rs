//! `…/-/images/DIGEST/packages`: all that is installed in an image.

use ::image::Digest;
use access::{Action, Resource};
use askama::Template;
use axum::response::Response;
use findings::PackageVerdict;
use inventory::PackageKind;
use inventory::package::Located;
use serde::Serialize;

use super::image::kept_report;
use super::pager::Pager;
use super::text;
use crate::failure::Failure;
use crate::reply::{Answer, Frame, answer};
use crate::request::Asked;
use crate::{Catalog, address};

/// An image's packages, a page of them.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Listing {
    repository: String,
    digest: Digest,
    /// Only names that hold this are listed.
    name: Option<String>,
    shown: Pager,
    packages: Vec<Package>,
}

#[derive(Clone, Debug, Serialize)]
struct Package {
    /// What is known of it.
    verdict: PackageVerdict,
    /// Who built it, where it is known not to be the distribution or where the format says so.
    vendor: Option<String>,
    /// The distribution's package that owns the file that tells of it.
    owner: Option<String>,
    kind: PackageKind,
    name: String,
    version: String,
    architecture: Option<String>,
    /// The source package, where the format has one.
    source: Option<String>,
    licences: Vec<String>,
    purl: String,
    layer: usize,
    path: String,
}

#[derive(Debug, Template)]
#[template(path = "packages.html")]
struct Page {
    frame: Frame,
    model: Listing,
    here: String,
}

impl Answer for Page {
    type Model = Listing;
    fn model(&self) -> &Listing {
        &self.model
    }
}

impl Page {
    fn previous(&self) -> Option<String> {
        self.model.shown.previous().map(|page| self.page(page))
    }

    fn next(&self) -> Option<String> {
        self.model.shown.next().map(|page| self.page(page))
    }

    fn page(&self, page: usize) -> String {
        let name = self.model.name.as_deref().unwrap_or_default();
        address::with_query(&self.here, &[("name", name), ("page", &page.to_string())])
    }
}

/// The page of an image's packages.
pub(crate) async fn show(catalog: &Catalog, asked: &Asked, name: &str, digest: &Digest) -> Response {
    let model = load(catalog, asked, name, digest).await;
    answer(catalog, asked, |frame| Ok(Page { frame, model: model?, here: address::packages(name, digest) }))
}

async fn load(catalog: &Catalog, asked: &Asked, name: &str, digest: &Digest) -> Result<Listing, Failure> {
    asked.may(Action::View, &Resource::Repository(name.to_owned()))?;
    let missing = || Failure::NoImage(name.to_owned(), digest.clone());
    // Reports are kept by digest alone: the image must be in the repository that the caller may see.
    catalog.store.manifest(name, digest).await?.ok_or_else(missing)?;
    let report = kept_report(catalog, digest).await?.ok_or_else(missing)?;
    let verdicts = report.package_verdicts();
    let wanted = asked.parameter("name").map(ToOwned::to_owned);
    let holds = |(located, _): &(Located, PackageVerdict)| {
        wanted.as_ref().is_none_or(|part| located.package.name.to_lowercase().contains(&part.to_lowercase()))
    };
    let packages = report.inventory.packages.into_iter().zip(verdicts).filter(holds).collect();
    let (shown, packages) = Pager::cut(asked, packages)?;
    let packages = packages.into_iter().map(|(located, verdict)| Package::of(located, verdict)).collect();
    Ok(Listing { repository: name.to_owned(), digest: digest.clone(), name: wanted, shown, packages })
}

impl Package {
    fn of(located: Located, verdict: PackageVerdict) -> Self {
        let package = located.package;
        Self {
            verdict,
            vendor: package.vendor,
            owner: located.owner.map(|owner| format!("{} {}", owner.name, owner.version)),
            kind: package.kind,
            name: package.name,
            version: package.version,
            architecture: package.architecture,
            source: package.source.map(|source| source.name),
            licences: package.licences,
            purl: located.purl,
            layer: located.layer,
            path: located.path,
        }
    }
}
