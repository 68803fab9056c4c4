//! One entry.

use serde::Deserialize;
use time::{Date, Month};
use toml::value::Datetime;

use super::places::{Path, Purl, is_package};
use crate::Group;

/// An entry as it stands in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    id: String,
    package: Option<String>,
    purl: Option<String>,
    path: Option<String>,
    reason: String,
    until: Option<Datetime>,
}

/// An entry that says what it must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// On which line it begins.
    pub(super) line: usize,
    /// Any id of the finding, or [`ANY`].
    pub(super) id: String,
    pub(super) reason: String,
    pub(super) until: Option<Date>,
    package: Option<String>,
    purl: Option<Purl>,
    path: Option<Path>,
}

/// Every finding of the packages that the entry chooses.
const ANY: &str = "*";

impl Entry {
    pub(super) fn read(written: Written, line: usize) -> Result<Self, String> {
        let Written { id, package, purl, path, reason, until } = written;
        let id = id.trim().to_owned();
        if id.is_empty() || id.chars().any(char::is_control) {
            return Err(r#"`id` is empty or has control characters; write one such as "CVE-2026-1234""#.into());
        }
        if id == ANY && package.is_none() && purl.is_none() && path.is_none() {
            return Err(r#"`id = "*"` would hide everything; say of which `package`, `purl` or `path`"#.into());
        }
        if reason.trim().is_empty() {
            return Err("`reason` is empty; write why this need not be counted".into());
        }
        Ok(Self {
            line,
            id,
            reason: crate::escape::plain(reason.trim()),
            until: until.map(day).transpose()?,
            package,
            purl: purl.as_deref().map(Purl::parse).transpose()?,
            path: path.as_deref().map(Path::parse).transpose()?,
        })
    }

    /// Whether it is in force: the day `until` is the last, to midnight UTC.
    pub(super) fn holds(&self, today: Date) -> bool {
        self.until.is_none_or(|until| today <= until)
    }

    pub(super) fn is_any(&self) -> bool {
        self.id == ANY
    }

    pub(super) fn names(&self, group: &Group<'_>) -> bool {
        let located = group.located();
        (self.is_any() || group.is_called(&self.id))
            && self.package.as_ref().is_none_or(|name| is_package(name, &located.package))
            && self.purl.as_ref().is_none_or(|purl| purl.holds(&located.purl))
            && self.path.as_ref().is_none_or(|path| path.holds(&located.path))
    }
}

fn day(until: Datetime) -> Result<Date, String> {
    let (Some(date), None) = (until.date, until.time) else {
        return Err(format!("`until` must be a day such as 2027-01-31, but is {until}"));
    };
    let month = Month::try_from(date.month).map_err(|_| format!("`until` has no such month: {until}"))?;
    Date::from_calendar_date(date.year.into(), month, date.day).map_err(|_| format!("`until` is no day: {until}"))
}
