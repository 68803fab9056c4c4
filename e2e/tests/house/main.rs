//! The house rules that a compiler does not check, read from the repository itself.

#![allow(clippy::expect_used, clippy::unwrap_used)] // A test that cannot read its own repository has failed.

mod dependencies;
mod documentation;
mod edges;
mod linking;
mod unsafety;
mod workspace;
