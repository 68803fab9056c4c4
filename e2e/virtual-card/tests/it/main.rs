//! The virtual card, as itself and before real programs that take it for a YubiKey.

#![allow(clippy::expect_used, clippy::unwrap_used)] // A test that cannot go on has failed.

mod tool;
