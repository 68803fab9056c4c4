//! One image in, its findings out.
//!
//! For each layer a record is found in the store or made by walking its bytes once ([`layers`]); records are merged
//! into the image's inventory, matched against the advisory index that is in force ([`advisories`]), and kept as the
//! image's report ([`report`]). The registry calls the same pieces while a layer arrives ([`Scanner::catalogue`]) and
//! when a manifest completes an image ([`Scanner::report_stored`]).

pub mod about;
mod advisories;
mod error;
mod layers;
mod progress;
mod report;
mod scanner;
mod stored;

pub use advisories::Advisories;
pub use error::ScanError;
pub use progress::{Progress, Silent};
pub use scanner::{Options, Scanner};
pub use stored::StoredSource;
