//! The promises of the trust room.
// Helpers of tests fail like tests do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod attested;
mod author;
mod bundles;
mod chains;
mod cosign;
mod hostile;
mod index;
mod material;
mod notation;
mod race;
mod revocation;
mod shown;
mod stored;
mod tree;
mod verify;

// The image room's own, so that both rooms are tested against the same registry and image.
#[allow(dead_code, reason = "not everything that a registry can do wrong is done wrong here")]
#[path = "../../../image/tests/it/client/fake.rs"]
mod fake;
#[allow(dead_code, reason = "not every way to start a registry is used here")]
#[path = "../../../image/tests/it/client/registry.rs"]
mod registry;
#[path = "../../../image/tests/it/client/sample.rs"]
mod sample;
