//! What the room promises, one file a promise.
// Helpers of tests fail a test as tests do; clippy allows it only within test functions.
#![allow(clippy::expect_used)]

mod builders;
mod cvss;
mod damage;
mod distributions;
mod enriching;
mod examples;
mod fetching;
mod hostile;
mod judge;
mod matching;
mod module_streams;
mod orders;
mod qualifiers;
mod real_data;
mod support;
mod vectors;
