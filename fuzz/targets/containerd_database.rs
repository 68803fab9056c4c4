//! containerd's bbolt database: a file of any bytes whose states have right checksums, so that a fuzzer need not guess them.
#![no_main]

use std::fs::File;
use std::io::Write;

use image::source::{BoltBucket, BoltDatabase, BoltError, BoltValue};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let descriptor = rustix::fs::memfd_create("meta.db", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    let mut file = File::from(descriptor);
    file.write_all(&mended(bytes)).unwrap();
    let _ = BoltDatabase::new(file).read(|root| look(root, 0));
});

/// Page header, and the state behind it up to its checksum.
const HEADER: usize = 16;
const STATE: usize = 56;

/// The same with the checksums of its first two pages put right.
fn mended(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let page_size = bytes.get(HEADER + 8..HEADER + 12).map_or(0, |word| u32::from_le_bytes(word.try_into().unwrap()));
    for start in [0, page_size as usize % (1 << 17)] {
        let Some(state) = bytes.get_mut(start + HEADER..start + HEADER + STATE + 8) else { continue };
        let (state, sum) = state.split_at_mut(STATE);
        let right = state.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        sum.copy_from_slice(&right.to_le_bytes());
    }
    bytes
}

fn look(bucket: &BoltBucket<'_>, depth: usize) -> Result<(), BoltError> {
    for key in bucket.keys(16)? {
        if let Some(BoltValue::Bucket(inside)) = bucket.get(&key)?
            && depth < 6
        {
            look(&inside, depth + 1)?;
        }
    }
    Ok(())
}
