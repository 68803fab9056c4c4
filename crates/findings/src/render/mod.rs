//! A report as people and programs want it: one file an output.

mod group;
mod json;
mod summary;
mod table;

pub use json::{SCHEMA_VERSION, json};
pub use table::table;
