//! The list of what a layer's tar was made of, over files of any size.
#![no_main]

use std::fs::File;
use std::io::Read;

use image::source::TarSplit;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|list: &[u8]| {
    let files = |name: &[u8]| {
        let descriptor = rustix::fs::memfd_create("member", rustix::fs::MemfdFlags::CLOEXEC)?;
        let file = File::from(descriptor);
        file.set_len(name.len() as u64)?;
        Ok(file)
    };
    let mut out = Vec::new();
    if TarSplit::new(list, files).take(1 << 20).read_to_end(&mut out).is_ok() {
        // What comes out stands in the list, or in files that are as long as their names.
        assert!(out.len() <= list.len() * 2);
    }
});
