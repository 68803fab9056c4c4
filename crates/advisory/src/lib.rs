//! What the world knows of vulnerabilities.
//!
//! Records in OSV's format come in from a [`sources`] entry, are compiled into one index file that is mapped into
//! memory, and [`matcher`] answers for a package which records apply to it and why.
//!
//! Specification: OSV schema 1.7 ("Evaluation").

pub mod matcher;
pub mod record;

pub use matcher::Match;
pub use record::Severity;
