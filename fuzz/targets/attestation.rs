//! No certificates prove anything that a root has not signed, and a certificate is read to its end or refused.
#![no_main]

use std::time::{Duration, SystemTime};

use keys::{Attestation, attestation, certificate};
use libfuzzer_sys::fuzz_target;

/// The leaf, the certificate above it and a root: two bytes of length each, and so many bytes.
fn three(mut bytes: &[u8]) -> [Vec<u8>; 3] {
    std::array::from_fn(|_| {
        let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return Vec::new() };
        let (this, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len()));
        bytes = rest;
        this.to_vec()
    })
}

fuzz_target!(|bytes: &[u8]| {
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_753_000_000);
    let _ = certificate::key_of(bytes);
    let [leaf, above, root] = three(bytes);
    let claimed = Attestation { leaf, intermediates: vec![above] };
    // The seed is a real chain; whatever is proved was signed by a root that is not in the bytes' power to change but
    // by replacing it.
    match attestation::verify(&claimed, &[root.clone()], now) {
        Ok(proved) => assert_eq!(certificate::key_of(&claimed.leaf).unwrap(), proved.key),
        Err(error) => drop(error.to_string()),
    }
    assert!(attestation::verify(&claimed, &[], now).is_err());
});
