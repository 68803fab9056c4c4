//! Whatever a registry sends as its challenge is read within bounds, and a realm is never made up.
#![no_main]

use image::client::{Challenge, parse_challenges};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|header: &str| {
    let challenges = parse_challenges(header);
    assert!(challenges.len() <= 8);
    for challenge in challenges {
        if let Challenge::Bearer { realm, .. } = challenge {
            assert!(realm.len() <= header.len());
            // What is in it was in the header, but for the backslashes of quoted pairs.
            assert!(realm.chars().all(|character| header.contains(character)));
        }
    }
});
