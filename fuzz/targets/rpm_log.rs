//! The write-ahead log of rpm's SQLite database, its checksums put right, so that a fuzzer need not guess them.
#![no_main]

use libfuzzer_sys::fuzz_target;

mod rpm_database;

fuzz_target!(|bytes: &[u8]| rpm_database::read(&[], &mended(bytes)));

/// sqlite.org, "Database File Format", section 4: header of 32 bytes, then frames of 24 bytes and a page.
fn mended(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let Some(header) = bytes.get_mut(..32) else { return bytes };
    header[..4].copy_from_slice(&0x377f_0683u32.to_be_bytes());
    let page = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
    let page = if page.is_power_of_two() && (512..=65536).contains(&page) { page } else { 512 };
    header[8..12].copy_from_slice(&page.to_be_bytes());
    let mut sum = (0, 0);
    add(&mut sum, &header[..24]);
    put(sum, &mut header[24..]);
    let salts = header[16..24].to_vec();
    for frame in bytes[32..].chunks_exact_mut(24 + page as usize) {
        frame[8..16].copy_from_slice(&salts);
        add(&mut sum, &frame[..8]);
        add(&mut sum, &frame[24..]);
        put(sum, &mut frame[16..]);
    }
    bytes
}

fn add(sum: &mut (u32, u32), bytes: &[u8]) {
    for pair in bytes.chunks_exact(8) {
        let word = |at: usize| u32::from_be_bytes([pair[at], pair[at + 1], pair[at + 2], pair[at + 3]]);
        sum.0 = sum.0.wrapping_add(word(0)).wrapping_add(sum.1);
        sum.1 = sum.1.wrapping_add(word(4)).wrapping_add(sum.0);
    }
}

fn put(sum: (u32, u32), at: &mut [u8]) {
    at[..4].copy_from_slice(&sum.0.to_be_bytes());
    at[4..8].copy_from_slice(&sum.1.to_be_bytes());
}
