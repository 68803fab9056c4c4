//! Any bytes as a kept report, also with the header that makes them look like one; what is read can be counted.
#![no_main]

use findings::Report;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Report::from_bytes(bytes);
    let checksum = crc32fast::hash(bytes).to_le_bytes();
    let framed = [b"PLIMREPT", &1u32.to_le_bytes()[..], &checksum, bytes].concat();
    if let Ok(report) = Report::from_bytes(&framed) {
        // Not compared: a score that is no number is unequal to itself.
        assert!(Report::from_bytes(&report.to_bytes().unwrap()).is_ok());
        let _ = (report.counts(), report.package_verdicts(), report.actions());
    }
});
