//! What comes over the agent's socket: a call is within the bounds, and written and read again as the same; and what
//! others ask to have signed, as far as it is read.
#![no_main]

use keys::agent::{Call, payload};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(call) = Call::read(bytes) {
        assert_eq!(Call::read(&serde_json::to_vec(&call).unwrap()).unwrap(), call);
    }
    if let Some(known) = payload::read(bytes) {
        assert_eq!(known.digest.len(), "sha256:".len() + 64);
    }
});
