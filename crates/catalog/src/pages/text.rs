//! How things are written on pages. Templates hand over some values by reference and some not.

use std::borrow::Borrow;

use ::image::Digest;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// A digest in twelve digits, as docker shows it.
pub(crate) fn short(digest: &Digest) -> String {
    digest.hex().chars().take(12).collect()
}

/// `2026-11-25 08:21` in UTC. What is no time, since an advisory's author wrote something else there, is not shown.
pub(crate) fn moment(rfc3339: &str) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]");
    OffsetDateTime::parse(rfc3339, &Rfc3339)
        .ok()
        .and_then(|time| time.to_offset(time::UtcOffset::UTC).format(format).ok())
        .unwrap_or_else(|| "at an unknown time".to_owned())
}

/// `1 finding`, `2 findings`.
pub(crate) fn count(number: impl Borrow<usize>, singular: &str) -> String {
    let number = *number.borrow();
    let plural = match singular.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{singular}s"),
    };
    if number == 1 { format!("1 {singular}") } else { format!("{number} {plural}") }
}

/// A sentence in pieces, true for those between backticks, which are commands.
pub(crate) fn pieces(sentence: &str) -> Vec<(bool, &str)> {
    sentence.split('`').enumerate().map(|(number, piece)| (number % 2 == 1, piece)).collect()
}

/// A package format's name for people and as it stands in JSON.
pub(crate) fn kind(kind: impl Borrow<inventory::PackageKind>) -> &'static str {
    kind.borrow().name()
}
