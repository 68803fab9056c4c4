//! What the registry promises, to real clients and to hostile ones.

// A test's unwrap is an assertion.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cataloguing;
mod catching_up;
mod docker;
mod errors;
mod fake;
mod foreign_requests;
mod full_disk;
mod http;
mod image;
mod lists;
mod manifests;
mod peers;
mod ranges;
mod scanner;
mod server;
mod signing;
mod skopeo;
mod uploads;
