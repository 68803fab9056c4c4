//! What was found, as people and programs want it.
//!
//! An image's inventory and the index's word on each of its packages become a [`Report`]: findings in the order in
//! which to look at them, and the packages of which nothing is known. [`render`] shows it: a table at a terminal, JSON
//! of a documented shape (`docs/report.schema.json`). A new output is a new file there.

pub mod counts;
pub mod escape;
pub mod render;
pub mod report;
mod subject;

pub use counts::Counts;
pub use report::{About, Finding, Report};
pub use subject::Subject;
