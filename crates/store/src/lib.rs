//! Where things are kept.
//!
//! Blobs are files under their digest ([`blobs`]); everything else is rows ([`database`]), written in SQL that SQLite
//! and PostgreSQL both take. What is acknowledged is durable: file, rename and folder are synced before a call
//! returns. Several processes may hold the same data folder open; [`lock`] says who serves it.

pub mod blobs;
pub mod layers;
pub mod reports;
pub mod repositories;

mod store;

pub use blobs::Blobs;
pub use store::{Store, StoreError};
