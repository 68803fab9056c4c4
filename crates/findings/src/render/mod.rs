//! A report as people and programs want it: one file an output.

mod bill;
mod cyclonedx;
mod explain;
mod explain_json;
mod fields;
mod json;
mod licences;
mod release;
mod rows;
mod sarif;
mod spdx;
mod summary;
mod table;
mod todo;
mod words;

pub use bill::Bill;
pub use cyclonedx::cyclonedx;
pub use explain::explain;
pub use explain_json::explain_json;
pub use json::{SCHEMA_VERSION, json, packages_json};
pub use sarif::{MOST_RESULTS, Sarif, sarif};
pub use spdx::spdx;
pub use table::{View, table};
