//! A report as people and programs want it: one file an output.

mod explain;
mod explain_json;
mod fields;
mod json;
mod rows;
mod summary;
mod table;
mod todo;
mod words;

pub use explain::explain;
pub use explain_json::explain_json;
pub use json::{SCHEMA_VERSION, json};
pub use table::{View, table};
