//! One image in, its findings out.
//!
//! For each layer a record is found in the store or made by walking its bytes once; records are merged into the
//! image's inventory, matched against the advisory index, and kept as the image's report. The registry calls the
//! same pieces while a layer arrives ([`Scanner::catalogue`]) and when a manifest completes an image
//! ([`Scanner::report_stored`]).

mod scanner;

pub use scanner::{Options, Progress, ScanError, Scanner, Silent};
