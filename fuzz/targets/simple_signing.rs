//! Payloads and manifests of cosign before version 3: what is said is said of the image that was asked about.
#![no_main]

use image::Digest;
use libfuzzer_sys::fuzz_target;
use trust::{cosign_tag, simple_signing};

fuzz_target!(|bytes: &[u8]| {
    let image = Digest::sha256(b"an image");
    if simple_signing::said_of(bytes, &image, None).is_ok() {
        let text = String::from_utf8_lossy(bytes);
        // JSON may write any character as an escape.
        assert!(text.contains(image.hex()) || text.contains("\\u"));
        let elsewhere = simple_signing::said_of(bytes, &Digest::sha256(b"another"), None);
        assert!(elsewhere.is_err());
    }
    if let Ok(layers) = cosign_tag::layers(bytes) {
        assert!(layers.len() <= cosign_tag::LAYERS);
    }
});
