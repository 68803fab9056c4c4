//! What is no longer trusted: a signed list in the registry, by a role of its own.
//!
//! It lies at a fixed place, `REGISTRY/plimsoll/revocation:list`, as an OCI artifact of type
//! `application/vnd.dev.plimsoll.revocation.v1+json` with one layer: a DSSE envelope over a [`RevocationList`]. Whose
//! signature counts says the policy; no signer of images needs to be able to sign it.
//!
//! 1. [`Keeper`] adds to the list: it reads the newest, counts its version up, signs and writes it, and refuses where
//!    somebody else was faster.
//! 2. [`Revocations`] reads it and remembers the newest that was ever seen, so that neither an old list put back nor one
//!    that was taken away brings trust back. A list that has ended is told as such: no list is not an empty list.

mod current;
mod keeper;
mod list;
mod seen;

pub use current::{Known, RevocationError, Revocations, State, stored};
pub use keeper::{Keeper, Next};
pub use list::{Entry, RevocationList, Target, is_fingerprint};
pub use seen::Seen;

/// What the list is, as an artifact and as a layer.
pub const MEDIA_TYPE: &str = "application/vnd.dev.plimsoll.revocation.v1+json";
/// What is signed, in DSSE's words.
pub const PAYLOAD_TYPE: &str = "application/vnd.dev.plimsoll.revocation-list.v1+json";
/// The repository of every registry in which the list lies.
pub const REPOSITORY: &str = "plimsoll/revocation";
/// Its tag.
pub const TAG: &str = "list";
/// Most bytes of a list with its signature that are read; room for some 20,000 entries.
pub const LIMIT: u64 = 4 << 20;
