//! The server that docker talks to.
//!
//! Specification: OCI distribution-spec 1.1, all four categories (pull, push, content discovery, content management).
//! Left out: docker's schema 1 manifests, and conversion between manifest types.
//!
//! - [`serve`] takes connections on one port, refuses what is meant for another host ([`hosts`]), and hands requests
//!   to the registry's routes and to whatever else is served there.
//! - [`Registry`] holds what handlers need; [`route`] turns a path into a typed [`route::Route`], its `handlers` answer,
//!   each after asking `access::may`. What goes wrong becomes one of the specification's codes in [`error`].
//! - A blob's bytes go into the store's `Incoming` ([`uploads`]); while they arrive, a follower reads them through the
//!   cataloguers ([`desk`]). The blob's answer does not wait for that, the manifest's does a little.
//! - `events` tells those who follow what was pushed under a tag; `relay` hands requests for signatures on to the agent of
//!   whoever has the key. Both are kept in memory alone.
//! - [`background`] catches up: images that wait for their report, and reports that a newer advisory index made stale.

pub mod background;
pub mod body;
pub mod desk;
pub mod error;
pub mod holds;
mod hosts;
pub mod manifest;
pub mod names;
pub mod route;
pub mod uploads;

mod events;
mod handlers;
mod listener;
mod registry;
mod relay;
mod settings;

pub use desk::{Answer, Catalogued, Cataloguing, Summary};
pub use holds::Holds;
pub use hosts::Hosts;
pub use listener::{ListenError, bind, serve};
pub use registry::Registry;
pub use settings::Settings;
