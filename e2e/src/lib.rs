//! Tests of the whole, from outside.
//!
//! Two binaries, both under `tests/`:
//!
//! - `house` reads the repository: the edges between crates against the table in `ARCHITECTURE.md`, what each
//!   dependency is for, where unsafe code may stand;
//! - `e2e` runs the programs as a user would, with the real skopeo, cosign and a Debian image.
//!
//! This crate uses no other of the workspace, so that it cannot test what only the code can see.
