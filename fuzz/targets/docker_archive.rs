//! An archive of any bytes. Configs and manifests are found by name, so the fuzzer gets past their digests by writing
//! configs whose name holds none.
#![no_main]

mod checksums;

use std::fs::File;
use std::io::{Read, Write};

use image::ImageSource;
use image::source::DockerArchive;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &[u8])| {
    let (choice, bytes) = input;
    let descriptor = rustix::fs::memfd_create("archive", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    let mut file = File::from(descriptor);
    file.write_all(&checksums::mended(bytes)).unwrap();
    let choice = Some(choice).filter(|choice| !choice.is_empty());
    let Ok(archive) = DockerArchive::open(file, "archive", choice, None, &std::env::temp_dir()) else { return };
    assert_eq!(archive.image().manifest.layers().len(), archive.image().layers.len());
    for index in 0..archive.image().layers.len() {
        if let Ok(mut layer) = archive.open_layer(index) {
            let mut content = Vec::new();
            layer.read_to_end(&mut content).unwrap();
            assert_eq!(content.len() as u64, archive.image().layers[index].size);
        }
    }
});
