//! What was found, as people and programs want it.
//!
//! An image's inventory and the index's word on each of its packages become a [`Report`]: one [`Finding`] for each
//! record that applies to a package, in the order in which to look at them, and the [`Standing`] of each package. What
//! is counted are [`Group`]s of records that mean the same; what an [ignore file](ignore) or a [`Baseline`] lets go is
//! kept apart with its reason; [`Actions`] say what makes how many go away; [`explain`] tells of a single one. [`render`]
//! shows it: a table at a terminal, JSON of a documented shape (`docs/report.schema.json`). A new output is a new file
//! there.

pub mod actions;
pub mod baseline;
pub mod counts;
pub mod escape;
pub mod explain;
pub mod feeds;
pub mod group;
pub mod headers;
pub mod ignore;
mod kept;
mod mending;
pub mod render;
pub mod report;
pub mod standing;
mod subject;
pub mod urgency;

pub use actions::Actions;
pub use baseline::Baseline;
pub use counts::Counts;
pub use group::Group;
pub use kept::KeptError;
pub use report::{About, Finding, Report};
pub use standing::{PackageVerdict, Standing};
pub use subject::Subject;
