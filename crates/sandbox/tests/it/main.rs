//! What the sandbox promises, tried for real: as root, with containers that run.
#![allow(clippy::unwrap_used, clippy::expect_used)] // What helps a test may fail it.

mod binds;
mod broker;
mod crashes;
mod descriptors;
mod hostile_layers;
mod house;
mod isolation;
mod layers;
mod linkage;
mod processes;
mod terminal;
mod users;
