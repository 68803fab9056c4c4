//! What was found in each image: its packages and findings as rows, and the whole report as JSON.
#![allow(clippy::unused_async)]

use image::Digest;

use crate::{Store, StoreError};

/// One package of an image, as a row that is looked up by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageRow {
    /// `deb`, `apk`, `pypi`, `npm`.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Source package's name, where it has one.
    pub source: Option<String>,
    /// purl.
    pub purl: String,
    /// Layer, base is 0.
    pub layer: u32,
}

/// One finding of an image, as a row that is looked up by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingRow {
    /// The record's id.
    pub id: String,
    /// The id by which people know it: the CVE among its aliases, else `id`.
    pub cve: String,
    /// `critical` … `unknown`.
    pub severity: String,
    /// Package name and version.
    pub package: String,
    /// Installed version.
    pub version: String,
    /// Fixed version.
    pub fixed: Option<String>,
    /// purl.
    pub purl: String,
}

/// The findings of an image as kept, replaced whole whenever they are made anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRow {
    /// The image's platform manifest.
    pub image: Digest,
    /// Which advisory index answered; other than the present one means: make it anew.
    pub index_id: String,
    /// RFC 3339.
    pub scanned_at: String,
    /// Findings by severity: critical, high, medium, low, negligible, unknown.
    pub counts: [i64; 6],
    /// How many of them have a fix.
    pub fixable: i64,
    /// Packages that no source covers.
    pub uncovered: i64,
    /// `findings::Report` as JSON.
    pub json: Vec<u8>,
}

impl Store {
    /// Keeps an image's report with its rows of packages and findings, replacing earlier ones, in one transaction.
    pub async fn put_report(
        &self,
        _report: &ReportRow,
        _packages: &[PackageRow],
        _findings: &[FindingRow],
    ) -> Result<(), StoreError> {
        unimplemented!("owner: store room")
    }

    /// An image's report.
    pub async fn report(&self, _image: &Digest) -> Result<Option<ReportRow>, StoreError> {
        unimplemented!("owner: store room")
    }

    /// Images whose report was made by another index than `index_id`, at most `limit`.
    pub async fn stale_reports(&self, _index_id: &str, _limit: u32) -> Result<Vec<Digest>, StoreError> {
        unimplemented!("owner: store room")
    }

    /// Every image (with one finding row each) that has a finding with this id or CVE.
    pub async fn images_with(&self, _id: &str) -> Result<Vec<(Digest, FindingRow)>, StoreError> {
        unimplemented!("owner: store room")
    }
}
