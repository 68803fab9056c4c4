//! The registry client, against Debian's docker-registry and against servers that mean no good.

mod credentials;
mod encryption;
mod fake;
mod hostile;
mod login;
mod referrers;
mod registry;
mod sample;
mod transfer;

use std::time::Duration;

use image::Reference;
use image::client::{Proxies, Settings};

/// Patient: the machine may be busy.
fn settings() -> Settings {
    Settings {
        attempts: 2,
        backoff: Duration::from_millis(10),
        proxies: Proxies::default(),
        certificate_folders: vec![],
        ..Settings::default()
    }
}

/// Impatient, for servers that never go on.
fn impatient() -> Settings {
    Settings { stall_timeout: Duration::from_millis(300), ..settings() }
}

fn reference(registry: &str, repository: &str, tag: &str) -> Reference {
    Reference { registry: registry.into(), repository: repository.into(), tag: Some(tag.into()), digest: None }
}
