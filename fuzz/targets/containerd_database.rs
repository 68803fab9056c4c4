//! containerd's bbolt database: pages of any bytes below a state that is whole.
#![no_main]

use std::fs::File;
use std::io::Write;

use image::source::{BoltBucket, BoltDatabase, BoltError, BoltValue};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|pages: &[u8]| {
    let descriptor = rustix::fs::memfd_create("meta.db", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    let mut file = File::from(descriptor);
    // The state says that pages have 512 bytes, which leaves most to the fuzzer.
    let mut state = Vec::new();
    for word in [0xED0C_DAED_u32, 2, 512, 0] {
        state.extend(word.to_le_bytes());
    }
    for word in [1_u64, 0, 0, 9, 1] {
        state.extend(word.to_le_bytes());
    }
    let sum = state.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    file.write_all(&[0; 16]).unwrap();
    file.write_all(&state).unwrap();
    file.write_all(&sum.to_le_bytes()).unwrap();
    file.write_all(&[0; 512 - 16 - 64]).unwrap();
    file.write_all(pages).unwrap();
    let _ = BoltDatabase::new(file).read(|root| look(root, 0));
});

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
