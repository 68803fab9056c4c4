//! The promises of the keys room.

// Helpers of tests fail like tests do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod agent;
mod certificate;
mod file;
mod import;
mod piv;
mod public;
mod schemes;
mod tokens;
mod uri;
