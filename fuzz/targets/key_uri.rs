//! Whatever is taken for a key's name is written and read again as the same name, and no PIN is ever repeated.
#![no_main]

use keys::KeyUri;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| match text.parse::<KeyUri>() {
    Ok(uri) => {
        let written = uri.to_string();
        assert_eq!(written.parse::<KeyUri>().unwrap().to_string(), written);
        // As an attribute, that is: an object may be called so.
        let repeats = [":", ";", "?", "&"].iter().any(|before| written.contains(&format!("{before}pin-value=")));
        assert!(!repeats || uri.path().is_some());
    }
    Err(error) => {
        let _ = error.to_string();
    }
});
