//! What the room promises, one file a promise.
// Helpers of tests fail a test as tests do; clippy allows it only within test functions.
#![allow(clippy::expect_used)]

mod actions;
mod baseline;
mod bills;
mod explain;
mod grouping;
mod ignoring;
mod json;
mod owned;
mod reports;
mod sample;
mod schemas;
mod table;
