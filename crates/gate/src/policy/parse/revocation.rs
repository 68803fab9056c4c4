//! `[revocation]`: who may withdraw trust, and how fresh their list must be.

use std::path::Path;

use toml::Spanned;
use toml::de::DeValue;

use super::{key_file, table};
use crate::policy::Revocation;
use crate::policy::section::{Problems, Section, string};

const EXAMPLE: &str = "[revocation] with keys = [\"security.pub\"]";

/// `keys`, and `max-age` where the list's own expiry is not strict enough.
pub(super) fn read(value: &Spanned<DeValue<'_>>, folder: &Path, problems: &mut Problems<'_>) -> Option<Revocation> {
    let table = table("revocation", value, EXAMPLE, problems)?;
    let section = Section::open("[revocation]", &["keys", "max-age"], table, value.span(), problems);
    let mut keys = Vec::new();
    let whole = section
        .required("keys", "keys = [\"security.pub\"]", problems)
        .is_some_and(|value| key_file::keys(value, folder, &mut keys, problems));
    let max_age = match section.optional("max-age") {
        None => Some(None),
        Some(value) => string("max-age", value, "max-age = \"7d\"", problems).and_then(|text| {
            text.parse().map(Some).map_err(|error| problems.add(&value.span(), format!("`max-age`: {error}"))).ok()
        }),
    };
    whole.then_some(Revocation { keys, max_age: max_age? })
}
