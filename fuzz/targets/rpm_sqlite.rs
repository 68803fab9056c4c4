//! rpm's database in SQLite's form.
#![no_main]

use libfuzzer_sys::fuzz_target;

mod rpm_database;

fuzz_target!(|bytes: &[u8]| rpm_database::read(&[(0, b"SQLite format 3\0")], bytes));
