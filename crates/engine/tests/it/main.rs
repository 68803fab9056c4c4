//! From an image to a container, with a real broker.
#![allow(clippy::unwrap_used, clippy::expect_used)] // What helps a test may fail it.

mod admission;
mod harbour;
mod runs;
