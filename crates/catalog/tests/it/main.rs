//! The catalog's promise: what the store holds, as pages that are nothing but text, and the same as JSON.

// Outside a `#[test]` function clippy does not see that this is a test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::cast_possible_wrap)]

mod access_control;
mod browse;
mod browser;
mod filters;
mod headers;
mod hostile_text;
mod html;
mod json;
mod lists;
mod material;
mod pages;
mod signed;
mod webdriver;
