//! Documents that name one another by digest. `@1`, `@2` … in a document stand for the digest of the document of that
//! number and `#1` for its size, so that the fuzzer can build chains that hold.
#![no_main]

use std::collections::HashMap;

use image::source::{Part, Request, SourceError, resolve};
use image::{Digest, Platform, Verified};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (Option<&str>, bool, Vec<&str>)| {
    let (media_type, wants_platform, documents) = input;
    // Later documents are named by earlier ones, so they are made first.
    let mut named: Vec<(String, String)> = Vec::new();
    let mut blobs = HashMap::new();
    let mut top = String::new();
    for (number, document) in documents.iter().take(6).enumerate().rev() {
        let mut text = (*document).to_owned();
        for (index, (digest, size)) in named.iter().rev().enumerate() {
            let of = number + index + 1;
            text = text.replace(&format!("@{of}"), digest).replace(&format!("#{of}"), size);
        }
        let digest = Digest::sha256(text.as_bytes());
        named.push((digest.to_string(), text.len().to_string()));
        blobs.insert(digest, text.clone().into_bytes());
        top = text;
    }
    let platform: Platform = "linux/arm64".parse().unwrap();
    let request = Request { name: "fuzz", reference: None, platform: wants_platform.then_some(&platform) };
    let fetch = |_: Part, digest: &Digest, limit: u64| match blobs.get(digest) {
        Some(bytes) => Ok(bytes.iter().copied().take(limit as usize).collect()),
        None => Err(SourceError::NotFound { what: digest.to_string(), place: String::new(), hint: String::new() }),
    };
    match resolve(request, Verified::name(top.into_bytes()), media_type, &fetch) {
        Ok(image) => {
            assert_eq!(image.layers.len(), image.manifest.layers().len());
            assert!(blobs.contains_key(&image.digest));
        }
        Err(error) => assert!(!error.to_string().contains('\u{1b}')),
    }
});
