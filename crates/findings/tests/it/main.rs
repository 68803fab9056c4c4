//! What the room promises, one file a promise.
// Helpers of tests fail a test as tests do; clippy allows it only within test functions.
#![allow(clippy::expect_used)]

mod json;
mod reports;
mod sample;
mod schemas;
mod table;
