//! What was found, as people and programs want it.

pub mod report;

pub use report::{Counts, Finding, Report};
