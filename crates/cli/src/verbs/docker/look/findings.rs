//! What a registry of Plimsoll's kind knows of the software in an image, in two lines.

use std::time::Duration;

use image::Reference;
use image::client::Client;
use serde::Deserialize;

/// How often, and how long after one another, a registry is asked that is still reading the image.
const TRIES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(500);

/// An image as `/api/v1` tells it; docs/api.md.
#[derive(Deserialize)]
struct Known {
    state: String,
    #[serde(default)]
    counts: Counts,
    #[serde(default)]
    fixable: u64,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Counts {
    critical: u64,
    high: u64,
    medium: u64,
    low: u64,
    negligible: u64,
    unknown: u64,
}

/// Text for people, which ends with a line feed.
pub(super) fn summary(client: &Client, image: &Reference) -> String {
    let elsewhere =
        || format!("findings   not told by {}; find out with: plimsoll scan {}\n", image.registry, image.familiar());
    let Some(digest) = &image.digest else { return elsewhere() };
    let below = format!("{}/-/images/{digest}", image.repository);
    let mut tries = TRIES;
    let known = loop {
        let Ok(Some(document)) = client.page(image, &format!("api/v1/repositories/{below}")) else {
            return elsewhere();
        };
        let Ok(known) = serde_json::from_slice::<Known>(&document) else { return elsewhere() };
        tries -= 1;
        if known.state != "pending" || tries == 0 {
            break known;
        }
        std::thread::sleep(PAUSE);
    };
    let told = match known.state.as_str() {
        "scanned" => told(&known),
        "pending" => format!("pending: {}", known.reason.as_deref().unwrap_or("the registry is reading the image")),
        // An index has its findings at its platforms' pages.
        _ => "at the pages of its platforms".to_owned(),
    };
    let page = match client.page_address(image, &format!("r/{below}")) {
        Ok(address) => format!("page       {address}\n"),
        Err(_) => String::new(),
    };
    format!("findings   {told}\n{page}")
}

fn told(known: &Known) -> String {
    let Counts { critical, high, medium, low, negligible, unknown } = known.counts;
    let named = [
        (critical, "critical"),
        (high, "high"),
        (medium, "medium"),
        (low, "low"),
        (negligible, "negligible"),
        (unknown, "of unknown severity"),
    ];
    let parts: Vec<String> =
        named.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect();
    match parts.as_slice() {
        [] => "none known".to_owned(),
        parts => format!("{} ({} with a fix)", parts.join(", "), known.fixable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_told_worst_first_and_what_is_not_there_is_not_told() {
        let known = |text: &str| told(&serde_json::from_str(text).unwrap());
        let some = r#"{"state":"scanned","counts":{"critical":1,"high":0,"low":3,"new":9},"fixable":2}"#;
        assert_eq!(known(some), "1 critical, 3 low (2 with a fix)");
        assert_eq!(known(r#"{"state":"scanned","counts":{},"fixable":0}"#), "none known");
    }
}
