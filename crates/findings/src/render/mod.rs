//! A report as people and programs want it: one file an output.

mod bill;
mod cyclonedx;
mod group;
mod json;
mod licences;
mod sarif;
mod spdx;
mod summary;
mod table;

pub use bill::Bill;
pub use cyclonedx::cyclonedx;
pub use json::{SCHEMA_VERSION, json};
pub use sarif::{MOST_RESULTS, Sarif, sarif};
pub use spdx::spdx;
pub use table::table;
