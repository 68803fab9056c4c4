//! What the store promises, each promise on SQLite and on PostgreSQL.

// A test's unwrap is an assertion.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod fixtures;
mod full_disk;
mod layers;
mod opening;
mod overview;
mod postgres;
mod reports;
mod repositories;
mod several_processes;
mod uploads;
