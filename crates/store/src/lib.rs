//! Where things are kept.
//!
//! A [`DataFolder`] holds blobs as files under their digest ([`blobs`]) and everything else as rows ([`database`]),
//! written in SQL that SQLite and PostgreSQL both take. What is acknowledged is durable: file, rename and folder are
//! synced before a call returns. Several processes may hold the same folder open; [`lock`] says who serves it.
//!
//! - [`Store::open`] makes or checks the folder ([`folder`]) and brings the schema up to date ([`migrations`]).
//! - [`repositories`]: what is in each repository, and which tag points where.
//! - [`layers`]: what was learned of layers, once.
//! - [`reports`]: what was found in each image, and which images still wait for it.
//! - [`overview`]: what lists show of repositories and images.

pub mod blobs;
pub mod database;
pub mod folder;
pub mod layers;
pub mod lock;
pub mod migrations;
pub mod overview;
pub mod reports;
pub mod repositories;

mod error;
mod store;

pub use blobs::Blobs;
pub use error::StoreError;
pub use folder::DataFolder;
pub use lock::{LockError, Serving};
pub use store::Store;
