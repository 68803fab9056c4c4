//! A list of packages of any bytes, in each form that is read: none panics, and what comes of it may stand in a report.
#![no_main]

use inventory::sbom::{read, read_within};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(list) = read(bytes, "list") else { return };
    assert!(list.format.chars().count() < 100);
    for located in &list.inventory.packages {
        located.package.check().unwrap();
        assert!(located.layer < list.inventory.layers.len().max(1));
        assert!(located.purl.starts_with("pkg:"));
    }
    if let Some(release) = &list.inventory.release {
        release.check().unwrap();
    }
    assert!(read_within(bytes, "list", (bytes.len() as u64).saturating_sub(1)).is_err());
});
