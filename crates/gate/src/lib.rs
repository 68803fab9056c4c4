//! May this image be used, by this caller, for this?
//!
//! There is one policy file. Its way through this crate:
//!
//! 1. [`file`] finds it and opens it with the rights of the user who called;
//! 2. [`Policy::parse`] reads and checks it: whatever is wrong is named by file and line;
//! 3. the first rule whose [`Pattern`] matches the image's repository says what must be known ([`Policy::needs`]);
//! 4. [`evidence`] collects that from `trust` and `scan`, and nothing else;
//! 5. [`Policy::judge`] holds the facts against the rule, requirement by requirement; [`Policy::decide`] is its short
//!    form: yes or no, with reasons.
//!
//! Pull, run, the registry's pages and `plimsoll policy test` all go this way, so that none of them can be of another
//! opinion. A decision holds for (repository, digest, [`Policy::version`], advisory index).

mod age;
pub mod evidence;
pub mod export;
pub mod file;
mod judge;
mod pattern;
mod policy;
mod revoked;
mod rule;
mod signers;

pub use age::Age;
pub use judge::{Excepted, Facts, Judgement, Requirement, RuleName, Verdict};
pub use pattern::{Pattern, PatternError, normalise};
pub use policy::{Needs, Policy, PolicyError, Problem, Revocation};
pub use revoked::Revoked;
pub use rule::{Exception, FindingsLimit, Mode, Rule, Tolerance};
pub use signers::{Bind, Hardware, Signers, TrustedCertificate, TrustedKey};
