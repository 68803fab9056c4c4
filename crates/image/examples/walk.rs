//! Walks layers and prints how fast that goes: `walk [--inflate-only] FILE…`.
//!
//! With `--inflate-only`, gzip is inflated and nothing else is done, which is the limit that a walk is held against.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use image::layer::{Entry, LayerError, Limits, Visitor, walk};

/// Reads no content.
struct Nothing;

impl Visitor for Nothing {
    fn visit(&mut self, _entry: &Entry, _content: &mut dyn Read) -> Result<(), LayerError> {
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut files: Vec<_> = std::env::args_os().skip(1).collect();
    let inflate_only = files.first().is_some_and(|first| first == "--inflate-only");
    if inflate_only {
        files.remove(0);
    }
    if files.is_empty() {
        return Err("name one or more layer files: walk [--inflate-only] FILE…".into());
    }
    for file in files {
        let start = Instant::now();
        let input = File::open(&file)?;
        if inflate_only {
            let mut inflated = flate2::read::MultiGzDecoder::new(io::BufReader::with_capacity(256 << 10, input));
            let mut buffer = vec![0; 256 << 10];
            let mut bytes = 0;
            loop {
                match inflated.read(&mut buffer)? {
                    0 => break,
                    read => bytes += read as u64,
                }
            }
            println!("{}: inflated {}", file.display(), rate(bytes, start.elapsed()));
        } else {
            let walked = walk(input, &Limits::default(), &mut Nothing)?;
            println!(
                "{}: walked {}, {} entries, {:?}, blob {}, diff id {}",
                file.display(),
                rate(walked.uncompressed_size, start.elapsed()),
                walked.entries,
                walked.compression,
                walked.blob,
                walked.diff_id
            );
        }
    }
    Ok(())
}

fn rate(bytes: u64, took: Duration) -> String {
    let megabytes = bytes as f64 / 1e6;
    format!("{megabytes:.0} MB of tar in {:.3} s, {:.0} MB/s", took.as_secs_f64(), megabytes / took.as_secs_f64())
}
