//! rpm's database in NDB's form.
#![no_main]

use libfuzzer_sys::fuzz_target;

mod rpm_database;

fuzz_target!(|bytes: &[u8]| rpm_database::read(&[(0, b"RpmP"), (4, &[0; 4])], bytes));
