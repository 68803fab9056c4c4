//! What `inventory` promises, one module a promise.

mod seal;
mod support;
mod worker;
