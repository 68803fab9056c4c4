//! Any bytes as a kept record, also with the header that makes them look like one; what is read can be merged.
#![no_main]

use inventory::cataloguers::VERSION;
use inventory::{LayerRecord, merge};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = LayerRecord::from_bytes(bytes);
    let checksum = crc32fast::hash(bytes).to_le_bytes();
    let framed = [b"PLIMLAYR", &VERSION.to_le_bytes()[..], &checksum, bytes].concat();
    if let Ok(record) = LayerRecord::from_bytes(&framed) {
        assert_eq!(LayerRecord::from_bytes(&record.to_bytes().unwrap()).unwrap(), record);
        merge(&[record.clone(), record]);
    }
});
