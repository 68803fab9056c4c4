//! What the command line promises, tried with the program itself.
// Helpers of tests fail like tests do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod afar;
mod agent;
mod bills;
mod card;
mod card_secrets;
mod data_folder;
mod db;
mod docker;
mod forward;
mod hold;
mod key;
mod plimsoll;
mod policy;
mod script;
mod serving;
mod signing;
mod ssh;
mod stating;
mod stores;
mod targets;
mod trust;
mod unheard;

// The image room's own, so that there is one way to start a registry.
#[allow(dead_code, reason = "not everything that a registry can do wrong is done wrong here")]
#[path = "../../../image/tests/it/client/fake.rs"]
mod fake;
#[allow(dead_code, reason = "not every way to start a registry is used here")]
#[path = "../../../image/tests/it/client/registry.rs"]
mod registry;
#[path = "../../../image/tests/it/client/sample.rs"]
mod sample;
