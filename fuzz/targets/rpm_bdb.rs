//! rpm's database in Berkeley DB's, little-endian form.
#![no_main]

use libfuzzer_sys::fuzz_target;

mod rpm_database;

fuzz_target!(|bytes: &[u8]| rpm_database::read(&[(12, &[0x61, 0x15, 6, 0])], bytes));
