//! Advisories for the first scan: only the ecosystems that the image has software of, and only those not there yet.

use advisory::ecosystem::ecosystems_needed;
use advisory::sources::fetch;
use anyhow::{Context as _, Result, bail};
use inventory::Inventory;
use scan::Advisories;

use crate::verbs::db::progress::Bar;

/// Fetches what is missing. What could not be fetched is said and counts as not covered;
/// without any index there is nothing to answer from.
pub(crate) async fn bring(advisories: &Advisories, inventory: &Inventory, from: Option<String>) -> Result<()> {
    let path = advisories.path().to_owned();
    let mut missing = missing(advisories, inventory)?;
    if !missing.is_empty() {
        missing.extend(beside(from.as_deref()));
        let mut options = fetch::Options { only_missing: true, ..fetch::Options::default() };
        options.base = from.unwrap_or(options.base);
        let target = path.clone();
        let fetched = tokio::task::spawn_blocking(move || fetch::update(&target, &missing, &options, &Bar::default()));
        let update = fetched.await.context("fetching advisories was stopped")??;
        for (ecosystem, outcome) in &update.outcomes {
            if let Err(error) = outcome {
                eprintln!("plimsoll: nothing fetched of {ecosystem}: {}", crate::output::plain(&error.to_string()));
            }
        }
        if update.index.is_none() {
            bail!(
                "there are no advisories to judge by; fetch them with `plimsoll db update`, or without network with \
                 `plimsoll db import PATH`"
            );
        }
    } else if advisories.current()?.is_none() {
        // An image in which no package was found needs none.
        tracing::info!("nothing in the image needs advisories");
    }
    Ok(())
}

/// What orders findings, fetched with the first advisories: what is exploited and what is likely to be. A mirror need not
/// have them.
fn beside(from: Option<&str>) -> Vec<String> {
    match from {
        None | Some(fetch::OSV_BUCKET) => vec!["kev".into(), "epss".into()],
        Some(_) => vec![],
    }
}

/// The ecosystems that no segment of the index covers yet.
pub(super) fn missing(advisories: &Advisories, inventory: &Inventory) -> Result<Vec<String>> {
    Ok(match advisories.current()? {
        Some(index) => index.missing(inventory)?,
        None => ecosystems_needed(inventory),
    })
}
