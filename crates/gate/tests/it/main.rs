//! The gate's promise: one file, read strictly, and a decision that fails closed and says why.

// Outside a `#[test]` function clippy does not see that this is a test.
#![allow(clippy::unwrap_used)]

mod decisions;
mod errors;
mod evidence;
mod export;
mod files;
mod material;
mod patterns;
mod signers;
