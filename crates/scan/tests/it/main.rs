//! The promises of the scan room.
// Helpers of tests fail like tests do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod believed;
mod distro;
mod layers;
mod made;
mod reports;
