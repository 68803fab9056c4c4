//! What the world knows of vulnerabilities.
//!
//! Records come in from a [`sources`] entry as [`record::Record`]s, are compiled into a segment of one index file
//! ([`index`]), which is mapped into memory, and [`matcher`] answers for a package which records apply to it: the
//! package's [`ecosystem`] and name find the candidates, [`evaluate`] decides by the ecosystem's [`versions`] order,
//! and [`severity`] says how bad each is and who said so.
//!
//! What the image tells beyond that may then suppress a match, with its reason ([`qualifier`]), and [`enrichment`] says
//! whether it is exploited.
//!
//! Specification: OSV schema 1.7, its section "Evaluation" exactly. Left out: `GIT` ranges, which need a repository's
//! history (their records are matched by `versions`).

mod claim;
mod distribution;
pub mod ecosystem;
pub mod end_of_life;
pub mod enrichment;
pub mod evaluate;
pub mod index;
pub mod matcher;
mod places;
pub mod qualifier;
pub mod record;
pub mod severity;
pub mod sources;
pub mod versions;

pub use enrichment::{Epss, Kev};
pub use index::{Index, IndexError, IndexIdentity};
pub use matcher::{Affected, Category, FixElsewhere, Match, Verdict};
pub use qualifier::{Rule, Suppression};
pub use severity::Severity;
