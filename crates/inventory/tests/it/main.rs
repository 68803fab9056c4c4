//! What `inventory` promises, one module a promise.

// A test that cannot go on fails there; `allow-unwrap-in-tests` knows only functions marked as tests.
#![allow(clippy::unwrap_used)]

mod executables;
mod hostile;
mod languages;
mod layers;
mod memory;
mod merging;
mod overlay;
mod ownership;
mod real;
mod rpm;
mod sboms;
mod seal;
mod support;
mod worker;
