//! The promises of the image room.
// Helpers of tests fail like tests do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod client;
mod layer;
mod made;
mod outside;
mod references;
mod source;
mod targets;
