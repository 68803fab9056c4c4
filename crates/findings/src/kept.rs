//! A report as it is kept: eight bytes that say what it is, the version of its form, a checksum, then postcard.
//!
//! A known image is answered from these bytes, so reading them has to be cheap, which JSON is not: it repeats every
//! name of a field. A finding names its package by its place in the inventory and does not repeat it.

use std::borrow::Cow;
use std::collections::HashMap;

use advisory::{IndexIdentity, Match};
use image::Digest;
use inventory::Inventory;
use inventory::package::Located;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::standing::Standing;
use crate::{Finding, Report, Subject};

const MAGIC: &[u8; 8] = b"PLIMREPT";
/// Raised whenever a type that is part of a report gets, loses or moves a field, since postcard writes no names; and with
/// it comes a migration in `store` that deletes the reports of before, so that they are made anew.
const VERSION: u32 = 1;
const HEADER: usize = MAGIC.len() + 4 + 4;

/// Why bytes are not a report that this program can use. All of them mean: make the report anew.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum KeptError {
    /// Something else was kept there.
    #[error("the kept bytes are no report; it is to be made anew")]
    Foreign,
    /// Another version of this program made it.
    #[error("the kept report has form {0}, this program reads form {VERSION}; it is to be made anew")]
    Version(u32),
    /// It was changed or cut where it is kept.
    #[error("the kept report is damaged; it is to be made anew")]
    Damaged,
}

/// What is written and read; one type for both, so that they cannot differ.
#[derive(Serialize, Deserialize)]
struct Body<'a> {
    name: Cow<'a, str>,
    subject: Subject,
    digest: Cow<'a, Digest>,
    platform: Cow<'a, str>,
    scanned_at: Cow<'a, str>,
    index: Cow<'a, IndexIdentity>,
    inventory: Cow<'a, Inventory>,
    history: Cow<'a, [Option<String>]>,
    findings: Vec<Row<'a>>,
    suppressed: Vec<Row<'a>>,
    uncovered: Cow<'a, [(String, usize)]>,
    standings: Cow<'a, [Standing]>,
    notes: Cow<'a, [String]>,
    layers_read: usize,
    cataloguers: u32,
}

/// A finding.
#[derive(Serialize, Deserialize)]
struct Row<'a> {
    matched: Cow<'a, Match>,
    package: Place<'a>,
}

/// The package of a finding.
#[derive(Serialize, Deserialize)]
enum Place<'a> {
    /// Its place in the inventory.
    At(usize),
    /// One that the inventory does not have so.
    Itself(Box<Cow<'a, Located>>),
}

impl Report {
    /// The bytes to keep.
    pub fn to_bytes(&self) -> Result<Vec<u8>, KeptError> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        let mut bytes = postcard::to_extend(&Body::of(self), bytes).map_err(|_| KeptError::Damaged)?;
        let checksum = crc32fast::hash(&bytes[HEADER..]);
        bytes[HEADER - 4..HEADER].copy_from_slice(&checksum.to_le_bytes());
        Ok(bytes)
    }

    /// Reads what [`Report::to_bytes`] wrote, and only that.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeptError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(KeptError::Foreign)?;
        let (version, rest) = rest.split_first_chunk().ok_or(KeptError::Damaged)?;
        match u32::from_le_bytes(*version) {
            VERSION => {}
            other => return Err(KeptError::Version(other)),
        }
        let (checksum, body) = rest.split_first_chunk().ok_or(KeptError::Damaged)?;
        if crc32fast::hash(body) != u32::from_le_bytes(*checksum) {
            return Err(KeptError::Damaged);
        }
        match postcard::take_from_bytes::<Body<'_>>(body) {
            Ok((body, [])) => body.into_report().ok_or(KeptError::Damaged),
            _ => Err(KeptError::Damaged),
        }
    }
}

impl<'a> Body<'a> {
    fn of(report: &'a Report) -> Self {
        // Taken apart, so that no field can be forgotten.
        let Report {
            name,
            subject,
            digest,
            platform,
            scanned_at,
            index,
            inventory,
            history,
            findings,
            suppressed,
            uncovered,
            standings,
            notes,
            layers_read,
            cataloguers,
        } = report;
        let places = Places::of(inventory);
        Self {
            name: name.into(),
            subject: *subject,
            digest: Cow::Borrowed(digest),
            platform: platform.into(),
            scanned_at: scanned_at.into(),
            index: Cow::Borrowed(index),
            inventory: Cow::Borrowed(inventory),
            history: history.into(),
            findings: places.rows(findings),
            suppressed: places.rows(suppressed),
            uncovered: uncovered.into(),
            standings: standings.into(),
            notes: notes.into(),
            layers_read: *layers_read,
            cataloguers: *cataloguers,
        }
    }

    fn into_report(self) -> Option<Report> {
        let inventory = self.inventory.into_owned();
        let findings = read(self.findings, &inventory)?;
        let suppressed = read(self.suppressed, &inventory)?;
        Some(Report {
            name: self.name.into_owned(),
            subject: self.subject,
            digest: self.digest.into_owned(),
            platform: self.platform.into_owned(),
            scanned_at: self.scanned_at.into_owned(),
            index: self.index.into_owned(),
            inventory,
            history: self.history.into_owned(),
            findings,
            suppressed,
            uncovered: self.uncovered.into_owned(),
            standings: self.standings.into_owned(),
            notes: self.notes.into_owned(),
            layers_read: self.layers_read,
            cataloguers: self.cataloguers,
        })
    }
}

fn read(rows: Vec<Row<'_>>, inventory: &Inventory) -> Option<Vec<Finding>> {
    let finding = |row: Row<'_>| {
        let located = match row.package {
            Place::At(place) => inventory.packages.get(place)?.clone(),
            Place::Itself(located) => (*located).into_owned(),
        };
        Some(Finding { matched: row.matched.into_owned(), located })
    };
    rows.into_iter().map(finding).collect()
}

/// Where in an inventory a package is.
struct Places<'a> {
    packages: &'a [Located],
    by_name: HashMap<(&'a str, &'a str, &'a str), Vec<usize>>,
}

impl<'a> Places<'a> {
    fn of(inventory: &'a Inventory) -> Self {
        let mut by_name: HashMap<_, Vec<usize>> = HashMap::new();
        for (place, located) in inventory.packages.iter().enumerate() {
            by_name.entry(key(located)).or_default().push(place);
        }
        Self { packages: &inventory.packages, by_name }
    }

    fn rows(&self, findings: &'a [Finding]) -> Vec<Row<'a>> {
        let row = |finding: &'a Finding| {
            let located = &finding.located;
            let alike = self.by_name.get(&key(located)).map_or(&[][..], Vec::as_slice);
            let place = alike.iter().copied().find(|place| self.packages[*place] == *located);
            let package = place.map_or_else(|| Place::Itself(Box::new(Cow::Borrowed(located))), Place::At);
            Row { matched: Cow::Borrowed(&finding.matched), package }
        };
        findings.iter().map(row).collect()
    }
}

fn key(located: &Located) -> (&str, &str, &str) {
    (&located.package.name, &located.package.version, &located.path)
}
