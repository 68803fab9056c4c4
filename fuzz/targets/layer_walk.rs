//! A layer of any bytes: as they are, and as the tar in a gzip or zstd stream, so that checksums do not stand before
//! the tar reader; headers get the checksum that they need for the same reason.
#![no_main]

mod checksums;

use std::io::{Read, Write};

use image::Digest;
use image::layer::{Entry, LayerError, Limits, Visitor, walk};
use libfuzzer_sys::fuzz_target;

/// Reads every content, and checks what the walker promises of an entry.
struct Checks;

impl Visitor for Checks {
    fn visit(&mut self, entry: &Entry, content: &mut dyn Read) -> Result<(), LayerError> {
        assert!(!entry.path.starts_with('/') && !entry.path.ends_with('/'), "{:?}", entry.path);
        assert!(entry.path.split('/').all(|part| part != ".." && part != "."), "{:?}", entry.path);
        let bytes = std::io::copy(content, &mut std::io::sink()).map_err(LayerError::visitor)?;
        assert_eq!(bytes, entry.size);
        Ok(())
    }
}

fuzz_target!(|input: (u8, &[u8])| {
    let (form, bytes) = input;
    let bytes = checksums::mended(bytes);
    let limits = Limits { uncompressed_bytes: 8 << 20, entries: 10_000, ..Limits::default() };
    let blob = match form % 3 {
        0 => bytes.clone(),
        1 => {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(&bytes).unwrap();
            gzip.finish().unwrap()
        }
        _ => ruzstd::encoding::compress_to_vec(bytes.as_slice(), ruzstd::encoding::CompressionLevel::Fastest),
    };
    if let Ok(walked) = walk(blob.as_slice(), &limits, &mut Checks) {
        assert_eq!(walked.blob, Digest::sha256(&blob));
        if form % 3 != 0 {
            assert_eq!(walked.diff_id, Digest::sha256(&bytes));
        }
    }
});
